#include "cli/watcher.hpp"

#include <sys/inotify.h>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace weft::cli {

namespace {

namespace fs = std::filesystem;

constexpr uint32_t events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM;
constexpr int links_max = 16;

std::string folder_of(const fs::path& file) {
    const auto parent = fs::absolute(file).lexically_normal().parent_path();
    return parent.string();
}

}  // namespace

watcher::watcher(boost::asio::io_context& loop, const std::string& config_file,
                 const std::vector<std::string>& plugin_directories, std::function<void()> changed)
    : inotify_(loop), timer_(loop), changed_(std::move(changed)) {
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "inotify");
    inotify_.assign(fd);
    watch_file(config_file, names_);
    for (const auto& d : plugin_directories) {
        std::error_code error;
        if (fs::is_directory(d, error)) add(fs::absolute(d).lexically_normal().string(), true);
    }
    read();
}

// Every link on the way: Kubernetes puts a new version of a config map in place by moving a link to
// its folder.
void watcher::watch_file(const std::string& file, watched_names& names) {
    fs::path at = file.starts_with("file:") ? file.substr(5) : file;
    for (int i = 0; i < links_max; ++i) {
        const std::string folder = folder_of(at);
        names.emplace(folder, at.filename().string());
        names.emplace(folder, "..data");
        add(folder, false);
        std::error_code error;
        if (!fs::is_symlink(at, error)) return;
        const fs::path target = fs::read_symlink(at, error);
        if (error) return;
        at = target.is_absolute() ? target : fs::path(folder) / target;
    }
}

void watcher::set_files(const std::vector<std::string>& files) {
    other_names_.clear();
    for (const auto& f : files) watch_file(f, other_names_);
}

void watcher::add(const std::string& directory, bool plugins) {
    const int watch = ::inotify_add_watch(inotify_.native_handle(), directory.c_str(), events);
    if (watch < 0) throw std::system_error(errno, std::generic_category(), directory);
    directories_[watch] = directory;
    if (plugins) plugin_folders_.insert(directory);
}

bool watcher::matters(int watch, const std::string& name) const {
    const auto it = directories_.find(watch);
    if (it == directories_.end()) return false;
    if (plugin_folders_.contains(it->second) && name.starts_with("weft-") && name.ends_with(".so"))
        return true;
    for (const auto* names : {&names_, &other_names_}) {
        const auto [from, to] = names->equal_range(it->second);
        for (auto n = from; n != to; ++n)
            if (n->second == name) return true;
    }
    return false;
}

void watcher::read() {
    inotify_.async_read_some(
        boost::asio::buffer(buffer_), [this](boost::system::error_code error, size_t size) {
            if (error) return;
            bool any = false;
            for (size_t at = 0; at + sizeof(inotify_event) <= size;) {
                const auto* e = reinterpret_cast<const inotify_event*>(buffer_.data() + at);
                any = any || (e->mask & IN_Q_OVERFLOW) || (e->len && matters(e->wd, e->name));
                at += sizeof(inotify_event) + e->len;
            }
            if (any) {
                timer_.expires_after(quiet);
                timer_.async_wait([this](boost::system::error_code cancelled) {
                    if (!cancelled) changed_();
                });
            }
            read();
        });
}

}  // namespace weft::cli
