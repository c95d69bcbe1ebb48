// Private copies of plugin files: what runs is a copy below the engine directory, so the installed
// file may be replaced or overwritten at any time, and two contents of one name can run side by
// side.
#pragma once

#include <string>

namespace weft {

struct plugin_copy {
    std::string path;    // DIRECTORY/<digest>/weft-binding-tcp.so
    std::string digest;  // of the content
};

class plugin_files {
public:
    // Below `directory`, which this process owns: what an earlier process left there is removed.
    explicit plugin_files(std::string directory);

    // Copies `file`, unless a copy of the same content is there already. Throws plugin_error: the
    // file cannot be read, or the copy not be written.
    plugin_copy copy(const std::string& file) const;
    // Removes a copy that is not mapped any more.
    void remove(const plugin_copy& c) const;

private:
    plugin_copy place_of(const std::string& name, std::string digest) const;

    std::string directory_;
};

}  // namespace weft
