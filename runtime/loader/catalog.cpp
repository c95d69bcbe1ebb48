#include "loader/catalog.hpp"

#include "loader/plugin_library.hpp"

#include <weft/abi.h>

#include <boost/dll/runtime_symbol_info.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <set>
#include <span>
#include <sstream>

namespace weft {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json names(const char* const* list) {
    auto out = json::array();
    for (; list && *list; ++list) out.push_back(*list);
    return out;
}

// Exporters, vaults and guards: one table each, which begins the same way.
template <class Table>
void describe_extension(json& out, const weft_plugin& plugin, const char* id, const char* role) {
    if (const auto* t = static_cast<const Table*>(plugin.get(nullptr, id)))
        out.push_back({{"role", role},
                       {"type", t->type},
                       {"schema", t->options_schema ? t->options_schema : ""}});
}

// Where the child writes: not stdout, on which a plugin may say something.
constexpr int answer_fd = 3;
constexpr const char* describer_argument = "--describe-plugins";

// Runs in the child: everything the entry function says about this file, one JSON array of
// plugin_info.
json describe(const std::string& file) {
    boost::dll::shared_library library;
    const weft_plugin* table = open_plugin(library, file);
    auto out = json::array();
    for (const auto* const* b = table->bindings; b && *b; ++b)
        out.push_back({{"role", "binding"},
                       {"type", (*b)->type},
                       {"kinds", (*b)->kinds},
                       {"schema", (*b)->options_schema ? (*b)->options_schema : ""},
                       {"accepts", names((*b)->accepts)},
                       {"emits", names((*b)->emits)}});
    if (table->get) {
        describe_extension<weft_exporter_vt>(out, *table, WEFT_EXPORTER, "exporter");
        describe_extension<weft_vault_vt>(out, *table, WEFT_VAULT, "vault");
        describe_extension<weft_guard_vt>(out, *table, WEFT_GUARD, "guard");
    }
    for (auto& i : out) {
        i["version"] = table->version ? table->version : "";
        i["abi_major"] = table->abi_major;
        i["abi_minor"] = table->abi_minor;
    }
    library.unload();
    return out;
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        text.remove_prefix(static_cast<size_t>(n));
    }
    return true;
}

std::string read_all(int fd) {
    std::string out;
    std::array<char, 16384> buffer;
    while (true) {
        const ssize_t n = ::read(fd, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return out;
        out.append(buffer.data(), static_cast<size_t>(n));
    }
}

struct spawn_settings {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;

    explicit spawn_settings(int answers) {
        ::posix_spawn_file_actions_init(&files);
        ::posix_spawn_file_actions_adddup2(&files, answers, answer_fd);
        ::posix_spawnattr_init(&attributes);
        sigset_t none;
        sigemptyset(&none);
        ::posix_spawnattr_setsigmask(&attributes, &none);
        ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    }
    ~spawn_settings() {
        ::posix_spawn_file_actions_destroy(&files);
        ::posix_spawnattr_destroy(&attributes);
    }
    spawn_settings(const spawn_settings&) = delete;
    spawn_settings& operator=(const spawn_settings&) = delete;
};

// One line of JSON per file, from a child that a broken file may crash. A program of its own: in a
// fork of a process with threads, any lock may be held for ever.
std::vector<std::string> ask_child(const std::string& program, std::span<const std::string> files,
                                   int& status) {
    int pipe_fds[2];
    if (::pipe2(pipe_fds, O_CLOEXEC) != 0)
        throw std::runtime_error(fmt::format("pipe: {}", std::strerror(errno)));
    std::vector<std::string> words{"weft", describer_argument};
    words.insert(words.end(), files.begin(), files.end());
    std::vector<char*> arguments;
    for (auto& w : words) arguments.push_back(w.data());
    arguments.push_back(nullptr);
    pid_t child = 0;
    int error = 0;
    {
        const spawn_settings how(pipe_fds[1]);
        error = ::posix_spawn(&child, program.c_str(), &how.files, &how.attributes,
                              arguments.data(), environ);
    }
    ::close(pipe_fds[1]);
    const std::string text = error == 0 ? read_all(pipe_fds[0]) : std::string();
    ::close(pipe_fds[0]);
    if (error != 0) throw std::runtime_error(fmt::format("{}: {}", program, std::strerror(error)));
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }

    std::vector<std::string> lines;
    std::istringstream in(text.substr(0, text.rfind('\n') + 1));  // the last may be half a line
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

void append(std::vector<plugin_info>& out, const std::string& file, const json& answer) {
    if (answer.contains("error")) {
        const auto stem = fs::path(file).stem().string();  // weft-binding-tcp
        const auto dash = stem.find('-', 5);
        plugin_info broken;
        broken.role = stem.substr(5, dash - 5);
        broken.type = dash == std::string::npos ? stem : stem.substr(dash + 1);
        broken.file = file;
        broken.error = answer["error"];
        out.push_back(std::move(broken));
        return;
    }
    for (const auto& p : answer["plugins"]) {
        plugin_info i;
        i.role = p["role"];
        i.type = p["type"];
        i.version = p["version"];
        i.file = file;
        i.abi_major = p["abi_major"];
        i.abi_minor = p["abi_minor"];
        i.kinds = p.value("kinds", 0u);
        i.schema = p["schema"];
        i.accepts = p.value("accepts", std::vector<std::string>());
        i.emits = p.value("emits", std::vector<std::string>());
        out.push_back(std::move(i));
    }
}

}  // namespace

std::vector<std::string> plugin_directories(const std::string& explicit_dir) {
    std::vector<std::string> out;
    if (!explicit_dir.empty()) out.push_back(explicit_dir);
    if (const char* env = std::getenv("WEFT_PLUGINS"); env && *env) {
        std::istringstream in(env);
        for (std::string dir; std::getline(in, dir, ':');)
            if (!dir.empty()) out.push_back(dir);
    }
    const auto bin = boost::dll::program_location().parent_path().string();
    out.push_back((fs::path(bin) / ".." / "lib" / "weft" / "plugins").lexically_normal().string());
    return out;
}

std::optional<int> describe_plugins(int argc, const char* const* argv) {
    if (argc < 2 || std::string_view(argv[1]) != describer_argument) return std::nullopt;
    for (int i = 2; i < argc; ++i) {
        json answer;
        try {
            answer = {{"plugins", describe(argv[i])}};
        } catch (const std::exception& e) {
            answer = {{"error", e.what()}};
        }
        if (!write_all(answer_fd, answer.dump() + "\n")) return 2;
    }
    return 0;
}

std::vector<plugin_info> installed_plugins(const std::vector<std::string>& directories,
                                           const std::string& program) {
    std::vector<std::string> files;
    std::set<std::string> seen;
    for (const auto& dir : directories) {
        std::set<std::string> here;
        std::error_code error;
        for (const auto& entry : fs::directory_iterator(dir, error)) {
            const auto name = entry.path().filename().string();
            if (name.starts_with("weft-") && name.ends_with(".so") && seen.insert(name).second)
                here.insert(entry.path().string());
        }
        files.insert(files.end(), here.begin(), here.end());
    }

    std::vector<plugin_info> out;
    for (size_t at = 0; at < files.size();) {
        int status = 0;
        for (const auto& line : ask_child(program, std::span(files).subspan(at), status))
            append(out, files[at++], json::parse(line));
        if (at < files.size()) {  // the child ended within this file
            const auto how = WIFSIGNALED(status)
                                 ? fmt::format("crashed ({})", ::strsignal(WTERMSIG(status)))
                                 : fmt::format("exited with {}", WEXITSTATUS(status));
            append(out, files[at],
                   {{"error", fmt::format("{}: {} when it was looked into", files[at], how)}});
            ++at;
        }
    }
    return out;
}

}  // namespace weft
