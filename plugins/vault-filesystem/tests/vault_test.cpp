// The vault on files that the tests write: what it finds, and what it says of files it cannot use.
#include "vault.hpp"

#include <certificates.hpp>

#include <weft/testing/temporary_folder.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace weft::vault_filesystem {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::identity;
using tests::make_ca;
using tests::make_certificate;
using tests::make_p12;
using tests::wanted;

identity signed_by(const identity& ca, const std::string& name, const char* key = "EC") {
    wanted w;
    w.name = name;
    w.dns = {name};
    w.issuer = &ca;
    w.key = key;
    return make_certificate(w);
}

class stores : public ::testing::Test {
protected:
    void write(const std::string& name, const std::string& bytes) {
        std::ofstream(folder_ / name, std::ios::binary) << bytes;
    }
    filesystem_vault open(const std::string& options) {
        entity_config c;
        c.options = nlohmann::json::parse(options);
        c.config_directory = folder_.string();
        return filesystem_vault(vault_filesystem::read_config(c));
    }
    // "POINTER: TEXT" of the error.
    std::string error(const std::string& options) {
        try {
            open(options);
        } catch (const config_error& e) {
            return e.path() + ": " + e.what();
        }
        return "none";
    }

    static std::vector<vault_entry> all(const filesystem_vault& v, uint32_t kind,
                                        const char* alias = nullptr) {
        std::vector<vault_entry> out;
        v.find(kind, alias, [&](const vault_entry& e) { out.push_back(e); });
        return out;
    }
    static std::vector<std::string> aliases(const filesystem_vault& v, uint32_t kind) {
        std::vector<std::string> out;
        for (const auto& e : all(v, kind)) out.push_back(e.alias);
        return out;
    }
    static size_t count(const std::string& text, const std::string& what) {
        size_t n = 0;
        for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++n;
        return n;
    }

    const testing::temporary_folder temporary_;
    const std::filesystem::path folder_ = temporary_.path();
    const identity ca_ = make_ca();
    const identity one_ = signed_by(ca_, "one.example"),
                   two_ = signed_by(ca_, "two.example", "RSA");
};

TEST_F(stores, pkcs12_holds_several_keys_by_alias) {
    write("keys.p12", make_p12({{"one", &one_}, {"Two", &two_}}, "generated"));
    const auto v = open(R"({"keys": {"store": "keys.p12", "password": "generated"}})");
    EXPECT_THAT(aliases(v, WEFT_VAULT_KEY), ElementsAre("one", "Two"));
    const auto found = all(v, WEFT_VAULT_KEY, "tWO");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].certificates, two_.cert_pem());
    EXPECT_EQ(found[0].key, two_.key_pem());
    EXPECT_EQ(found[0].source, "keys.p12");
    EXPECT_TRUE(all(v, WEFT_VAULT_KEY, "three").empty());
}

TEST_F(stores, older_encryption_can_be_read) {
    write("old.p12", make_p12({{"one", &one_}}, "generated", true));
    EXPECT_THAT(
        aliases(open(R"({"keys": {"store": "old.p12", "password": "generated"}})"), WEFT_VAULT_KEY),
        ElementsAre("one"));
}

TEST_F(stores, certificates_without_a_key_are_trusted) {
    write("trust.p12", make_p12({{"ca", &ca_, false}, {"one", &one_}}, "generated"));
    const auto v = open(R"({"trust": {"store": "trust.p12", "password": "generated"},
                            "signers": {"store": "trust.p12", "password": "generated"}})");
    EXPECT_THAT(aliases(v, WEFT_VAULT_TRUST), ElementsAre("ca"));
    EXPECT_THAT(aliases(v, WEFT_VAULT_SIGNER), ElementsAre("ca"));
    EXPECT_THAT(aliases(v, WEFT_VAULT_KEY), ElementsAre());
}

TEST_F(stores, chain_is_put_in_order_and_ends_before_the_root) {
    wanted w;
    w.name = "Middle";
    w.issuer = &ca_;
    w.ca = true;
    const auto middle = make_certificate(w);
    const auto leaf = signed_by(middle, "leaf.example");
    write("all.pem", ca_.cert_pem() + leaf.key_pem() + middle.cert_pem() + leaf.cert_pem());
    const auto v = open(R"({"keys": {"store": "all.pem", "type": "pem"}})");
    EXPECT_THAT(aliases(v, WEFT_VAULT_KEY), ElementsAre("leaf.example"));
    EXPECT_EQ(all(v, WEFT_VAULT_KEY)[0].certificates, leaf.cert_pem() + middle.cert_pem());
}

TEST_F(stores, pem_of_two_files) {
    write("tls.key", one_.key_pem("secret"));
    write("tls.crt", one_.cert_pem() + ca_.cert_pem());
    const auto v = open(
        R"({"keys": {"type": "pem", "key": "tls.key", "cert": "tls.crt", "password": "secret"}})");
    EXPECT_THAT(aliases(v, WEFT_VAULT_KEY), ElementsAre("one.example"));
    EXPECT_THAT(v.files(),
                ElementsAre((folder_ / "tls.key").string(), (folder_ / "tls.crt").string()));
}

TEST_F(stores, friendly_names_of_pem) {
    write("a.pem", "Bag Attributes\n    friendlyName: mine\n" + one_.key_pem() + one_.cert_pem());
    EXPECT_THAT(aliases(open(R"({"keys": {"store": "a.pem", "type": "pem"}})"), WEFT_VAULT_KEY),
                ElementsAre("mine"));
}

TEST_F(stores, entries_restrict) {
    write("keys.p12", make_p12({{"one", &one_}, {"two", &two_}}, "x"));
    EXPECT_THAT(
        aliases(open(R"({"keys": {"store": "keys.p12", "password": "x", "entries": ["TWO"]}})"),
                WEFT_VAULT_KEY),
        ElementsAre("two"));
    EXPECT_EQ(
        error(R"({"keys": {"store": "keys.p12", "password": "x", "entries": ["two", "six"]}})"),
        "/options/keys/entries/1: no entry 'six' in keys.p12 (have: one, two)");
}

TEST_F(stores, revocation_lists) {
    write("ca.pem", ca_.cert_pem());
    write("crl.pem", tests::make_crl(ca_, {&one_}));
    const auto v = open(R"({"trust": {"store": "ca.pem", "type": "pem", "crl": "crl.pem"},
                            "revocation": "crl"})");
    EXPECT_EQ(count(all(v, WEFT_VAULT_CRL).at(0).certificates, "BEGIN X509 CRL"), 1u);
    EXPECT_THAT(error(R"({"trust": {"store": "ca.pem", "type": "pem"}, "revocation": "crl"})"),
                HasSubstr("/options/revocation: there is no revocation list"));
    EXPECT_TRUE(all(open(R"({"trust": {"store": "ca.pem", "type": "pem", "crl": "crl.pem"}})"),
                    WEFT_VAULT_CRL)
                    .empty())
        << "not asked for";
}

TEST_F(stores, digest_follows_the_files) {
    write("keys.p12", make_p12({{"one", &one_}}, "x"));
    const char* options = R"({"keys": {"store": "keys.p12", "password": "x"}})";
    const auto before = open(options).digest();
    EXPECT_EQ(open(options).digest(), before);
    write("keys.p12", make_p12({{"one", &two_}}, "x"));
    EXPECT_NE(open(options).digest(), before);
}

TEST_F(stores, what_is_wrong_is_named) {
    write("keys.p12", make_p12({{"one", &one_}}, "generated"));
    EXPECT_EQ(error(R"({"keys": {"store": "keys.p12", "password": "wrong"}})"),
              "/options/keys/password: keys.p12: the password is wrong");
    EXPECT_EQ(error(R"({"keys": {"store": "keys.p12"}})"),
              "/options/keys/password: keys.p12: it has a password, and none is given");
    EXPECT_EQ(error(R"({"keys": {"store": "none.p12", "password": "x"}})"),
              "/options/keys/store: none.p12: No such file or directory");
    write("junk.p12", "junk");
    EXPECT_EQ(error(R"({"keys": {"store": "junk.p12", "password": "x"}})"),
              "/options/keys/store: junk.p12: it is no PKCS#12 file");
    write("a.pem", one_.cert_pem());
    EXPECT_EQ(error(R"({"keys": {"store": "a.pem"}})"),
              "/options/keys/store: a.pem: it is PEM, not PKCS#12: say `type: pem`");
    EXPECT_EQ(error(R"({"keys": {"store": "a.pem", "type": "pem"}})"),
              "/options/keys/store: a.pem: there is no key in it");
    write("b.pem", one_.key_pem() + two_.cert_pem());
    EXPECT_EQ(error(R"({"keys": {"store": "b.pem", "type": "pem"}})"),
              "/options/keys/store: b.pem: a key matches none of the certificates");
    write("c.pem", one_.key_pem("secret") + one_.cert_pem());
    EXPECT_EQ(error(R"({"keys": {"store": "c.pem", "type": "pem"}})"),
              "/options/keys/password: c.pem: a key is encrypted, and there is no password");
    EXPECT_EQ(error(R"({"keys": {"store": "c.pem", "type": "pem", "password": "wrong"}})"),
              "/options/keys/password: c.pem: the password is wrong");
    wanted w;
    w.name = "old.example";
    w.issuer = &ca_;
    w.until_s = -60;
    const auto old = make_certificate(w);
    write("old.pem", old.key_pem() + old.cert_pem());
    EXPECT_THAT(
        error(R"({"keys": {"store": "old.pem", "type": "pem"}})"),
        HasSubstr(
            "/options/keys/store: old.pem: the certificate of key 'old.example' has expired: "));
    EXPECT_THAT(error(R"({"keys": {"store": "x.jks", "type": "jks"}})"),
                HasSubstr("/options/keys/type: a store of type jks cannot be read"));
    EXPECT_EQ(error(R"({"keys": {}})"), "/options/keys: 'store' is required, or 'key' and 'cert'");
}

TEST_F(stores, no_prefix_or_damage_crashes) {
    const auto p12 = make_p12({{"one", &one_}}, "x");
    for (size_t n = 0; n < p12.size(); n += 7) {
        write("cut.p12", p12.substr(0, n));
        EXPECT_NE(error(R"({"keys": {"store": "cut.p12", "password": "x"}})"), "none") << n;
    }
    const auto pem = one_.key_pem() + one_.cert_pem();
    for (size_t n = 0; n < pem.size() - 40; n += 11) {
        write("cut.pem", pem.substr(0, n));
        EXPECT_NE(error(R"({"keys": {"store": "cut.pem", "type": "pem"}})"), "none") << n;
    }
}

}  // namespace
}  // namespace weft::vault_filesystem
