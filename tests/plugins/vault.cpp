// A vault whose one key is what its option `file` holds: its first word the alias, the rest the
// key. "broken" is refused.
#include <weft/vault.hpp>

#include <fstream>
#include <iterator>
#include <sstream>

namespace {

class file_vault final : public weft::vault {
public:
    explicit file_vault(const weft::entity_config& c)
        : file_(c.path_of(c.options.at("file").get<std::string>())) {
        std::ifstream in(file_);
        if (!in) throw weft::config_error("/options/file", file_ + ": cannot be read");
        text_.assign(std::istreambuf_iterator<char>(in), {});
        std::istringstream words(text_);
        words >> key_.alias >> key_.key;
        if (key_.alias == "broken") throw weft::config_error("/options/file", file_ + ": broken");
        key_.kind = WEFT_VAULT_KEY;
        key_.source = file_;
    }
    int32_t find(uint32_t kind, const char* alias,
                 const std::function<void(const weft::vault_entry&)>& each) const override {
        if (kind != WEFT_VAULT_KEY || (alias && key_.alias != alias)) return 0;
        each(key_);
        return 1;
    }
    std::string digest() const override { return text_; }
    std::vector<std::string> files() const override { return {file_}; }

private:
    std::string file_, text_;
    weft::vault_entry key_;
};

struct vault_plugin {
    static constexpr const char* type = "file";
    static constexpr const char* version = "1.0.0";
    static constexpr const char* schema =
        R"({"type": "object", "properties": {"file": {"type": "string"}},
            "required": ["file"], "additionalProperties": false})";
    std::unique_ptr<weft::vault> create(const weft::entity_config& c) {
        return std::make_unique<file_vault>(c);
    }
};

}  // namespace

WEFT_VAULT_PLUGIN(vault_plugin)
