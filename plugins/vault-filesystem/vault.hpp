// The vault: everything in its stores, read when it was made.
#pragma once

#include "config.hpp"
#include "entries.hpp"

namespace weft::vault_filesystem {

class filesystem_vault final : public vault {
public:
    // Throws config_error, which names the file.
    explicit filesystem_vault(const vault_config& c);

    int32_t find(uint32_t kind, const char* alias,
                 const std::function<void(const vault_entry&)>& each) const override;
    std::string digest() const override { return digest_; }
    std::vector<std::string> files() const override { return files_; }

private:
    std::string read_file(const named_file& f);
    contents read_store(const store_config& c);
    void add(const store_config& c, std::vector<vault_entry> found);
    void add_keys(const store_config& c);
    void add_certificates(const store_config& c, weft_vault_kind kind, bool with_crls);
    void check_entries(const store_config& c, const std::vector<vault_entry>& found) const;

    std::vector<vault_entry> entries_;
    std::vector<std::string> files_;
    std::string digest_;
};

}  // namespace weft::vault_filesystem
