// temporary_folder: a folder of a test's own, which goes away with all that is in it.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace weft::testing {

class temporary_folder {
public:
    temporary_folder() {
        auto pattern = (std::filesystem::temp_directory_path() / "weft-test-XXXXXX").string();
        if (!::mkdtemp(pattern.data()))
            throw std::logic_error("no temporary directory: " + pattern);
        path_ = std::move(pattern);
    }
    ~temporary_folder() {
        std::error_code ignored;  // a directory that stays is no reason to fail
        std::filesystem::remove_all(path_, ignored);
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;

    const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace weft::testing
