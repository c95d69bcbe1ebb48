#include "elf.hpp"

#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace weft::validator {
namespace {

// Reads structs at offsets and refuses those that leave the file.
class image {
public:
    explicit image(const std::string& file) {
        std::ifstream in(file, std::ios::binary);
        if (!in) throw std::runtime_error("the file cannot be read");
        bytes_.assign(std::istreambuf_iterator<char>(in), {});
    }
    template <class T>
    T at(uint64_t offset) const {
        if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T))
            throw std::runtime_error("the file is truncated");
        T out;
        std::memcpy(&out, bytes_.data() + offset, sizeof out);
        return out;
    }
    std::string text(uint64_t offset) const {
        const auto end = offset < bytes_.size() ? bytes_.find('\0', offset) : std::string::npos;
        if (end == std::string::npos) throw std::runtime_error("the file is truncated");
        return bytes_.substr(offset, end - offset);
    }

private:
    std::string bytes_;
};

}  // namespace

std::vector<symbol> exported_symbols(const std::string& file) {
    const image elf(file);
    const auto head = elf.at<Elf64_Ehdr>(0);
    if (std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
        head.e_ident[EI_DATA] != ELFDATA2LSB || head.e_type != ET_DYN)
        throw std::runtime_error("not a 64-bit little-endian shared object");

    std::vector<symbol> out;
    for (uint16_t i = 0; i < head.e_shnum; ++i) {
        const auto section = elf.at<Elf64_Shdr>(head.e_shoff + uint64_t{i} * head.e_shentsize);
        if (section.sh_type != SHT_DYNSYM || section.sh_entsize == 0) continue;
        const auto names =
            elf.at<Elf64_Shdr>(head.e_shoff + uint64_t{section.sh_link} * head.e_shentsize);
        for (uint64_t at = 0; at < section.sh_size; at += section.sh_entsize) {
            const auto s = elf.at<Elf64_Sym>(section.sh_offset + at);
            const auto bind = ELF64_ST_BIND(s.st_info);
            const auto visibility = ELF64_ST_VISIBILITY(s.st_other);
            if (s.st_shndx == SHN_UNDEF || bind == STB_LOCAL) continue;
            if (visibility == STV_HIDDEN || visibility == STV_INTERNAL) continue;
            out.push_back({elf.text(names.sh_offset + s.st_name), bind == STB_GNU_UNIQUE});
        }
    }
    return out;
}

}  // namespace weft::validator
