#include "cli/plugin_new.hpp"

#include "cli/commands.hpp"
#include "loader/catalog.hpp"
#include "plugin_templates.hpp"

#include <boost/dll/runtime_symbol_info.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* example_port = "7010";

fs::path program_folder() {
    return fs::path(boost::dll::program_location().parent_path().string());
}

// The package that was built or installed together with this program; empty when there is none.
std::string sdk_beside_us() {
    const auto folder = (program_folder() / ".." / "lib" / "cmake" / "weft-sdk").lexically_normal();
    return fs::exists(folder / "weft-sdk-config.cmake") ? folder.string() : std::string();
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
}

std::string filled(std::string text, const std::string& name, const std::string& sdk_directory) {
    std::string id = name;
    std::replace(id.begin(), id.end(), '-', '_');
    replace_all(text, "@NAME@", name);
    replace_all(text, "@ID@", id);
    replace_all(text, "@PORT@", example_port);
    replace_all(text, "@SDK_DIRECTORY@", sdk_directory);
    return text;
}

// plugin.cpp is NAME.cpp in the new folder.
std::string file_name(std::string_view of_template, const std::string& name) {
    if (of_template == "gitignore") return ".gitignore";
    if (of_template.starts_with("plugin")) return name + std::string(of_template.substr(6));
    return std::string(of_template);
}

void write_file(const fs::path& file, const std::string& text) {
    std::ofstream out(file, std::ios::binary);
    out << text;
    out.close();
    if (!out) throw std::runtime_error(fmt::format("{}: {}", file.string(), std::strerror(errno)));
}

}  // namespace

std::string unfit_plugin_name(const std::string& name) {
    const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto fits = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; };
    if (name.empty() || !letter(name[0]) || !std::all_of(name.begin(), name.end(), fits))
        return fmt::format(
            "'{}' cannot be a plugin's name: it begins with a letter a-z and goes on with a-z, 0-9 "
            "and -",
            name);
    if (name.size() > plugin_name_max)
        return fmt::format("a plugin's name has at most {} characters", plugin_name_max);
    return {};
}

void write_plugin_project(const fs::path& parent, const std::string& name,
                          const std::string& sdk_directory) {
    const auto folder = parent / name;
    std::error_code error;
    if (!fs::create_directory(folder, error))
        throw std::runtime_error(
            fmt::format("{}: {}", folder.string(), error ? error.message() : "exists already"));
    try {
        for (const auto& file : plugin_templates)
            write_file(folder / file_name(file.name, name), filled(file.text, name, sdk_directory));
    } catch (...) {
        fs::remove_all(folder, error);
        throw;
    }
}

int plugin_new(const plugin_new_flags& flags) {
    const auto& name = flags.name;
    if (const auto why = unfit_plugin_name(name); !why.empty()) throw usage_error(why);
    for (const auto& p : installed_plugins(plugin_directories(flags.plugins)))
        if (p.role == "binding" && p.type == name)
            throw std::runtime_error(
                fmt::format("the type '{}' is taken by {}: choose another name", name, p.file));

    const auto sdk = sdk_beside_us();
    write_plugin_project(".", name, sdk);
    std::printf("%s", filled("wrote @NAME@/; next:\n"
                             "  cmake -S @NAME@ -B @NAME@/build && cmake --build @NAME@/build\n"
                             "  ctest --test-dir @NAME@/build --output-on-failure\n"
                             "  weft start -c @NAME@/zilla.yaml --plugins @NAME@/build\n"
                             "  nc 127.0.0.1 @PORT@\n",
                             name, sdk)
                          .c_str());
    if (sdk.empty())
        std::fprintf(stderr,
                     "weft: there is no SDK in ../lib/cmake/weft-sdk of this program: give cmake "
                     "-DCMAKE_PREFIX_PATH=<where weft is installed>\n");
    return 0;
}

int plugin_check(const std::vector<std::string>& arguments) {
    if (arguments.empty()) throw usage_error("which file? weft plugin check FILE.so");
    const auto program = (program_folder() / "weft-validate").string();
    std::vector<char*> argv{const_cast<char*>(program.c_str())};
    for (const auto& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    ::execv(program.c_str(), argv.data());
    throw std::runtime_error(fmt::format("{}: {}", program, std::strerror(errno)));
}

}  // namespace weft::cli
