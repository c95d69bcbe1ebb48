// Watches the configuration file, what it refers to, and the plugin folders; one notice per burst
// of changes.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace weft::cli {

class watcher {
public:
    // A copy in progress, or several files of one installation, settle within this time.
    static constexpr std::chrono::milliseconds quiet{500};

    // `changed` runs where `loop` runs. Throws std::system_error when the system has no more
    // watches.
    watcher(boost::asio::io_context& loop, const std::string& config_file,
            const std::vector<std::string>& plugin_directories, std::function<void()> changed);

    // Files to watch beside these, in place of those that were given before. Throws
    // std::system_error.
    void set_files(const std::vector<std::string>& files);

private:
    using watched_names = std::multimap<std::string, std::string>;
    void watch_file(const std::string& file, watched_names& names);
    void add(const std::string& directory, bool plugins);
    void read();
    bool matters(int watch, const std::string& name) const;

    boost::asio::posix::stream_descriptor inotify_;
    boost::asio::steady_timer timer_;
    std::function<void()> changed_;
    std::map<int, std::string> directories_;  // by watch
    watched_names names_;                     // directory to a file of the configuration
    watched_names other_names_;               // of set_files
    std::set<std::string> plugin_folders_;
    alignas(8) std::array<char, 16384> buffer_;
};

}  // namespace weft::cli
