// PKCS#12 files: any number of keys and certificates, each with a friendly name.
#include "store.hpp"

namespace weft::vault_filesystem {
namespace {

// RC2 and the like, in which older tools write, live in the legacy provider. In a context of our
// own: nobody else is to get them.
class old_ciphers {
public:
    old_ciphers() : context_(OSSL_LIB_CTX_new()) {
        default_ = OSSL_PROVIDER_load(context_, "default");
        legacy_ = OSSL_PROVIDER_load(context_, "legacy");
        ERR_clear_error();  // without the legacy provider, newer files can still be read
    }
    ~old_ciphers() {
        if (legacy_) OSSL_PROVIDER_unload(legacy_);
        if (default_) OSSL_PROVIDER_unload(default_);
        OSSL_LIB_CTX_free(context_);
    }
    old_ciphers(const old_ciphers&) = delete;
    old_ciphers& operator=(const old_ciphers&) = delete;

    OSSL_LIB_CTX* context() const { return context_; }
    bool complete() const { return legacy_ != nullptr; }

private:
    OSSL_LIB_CTX* context_;
    OSSL_PROVIDER *default_ = nullptr, *legacy_ = nullptr;
};

using p12_ptr = std::unique_ptr<PKCS12, freed_by<PKCS12_free>>;
using pkcs8_ptr = std::unique_ptr<PKCS8_PRIV_KEY_INFO, freed_by<PKCS8_PRIV_KEY_INFO_free>>;

void free_bags(STACK_OF(PKCS12_SAFEBAG) * s) {
    sk_PKCS12_SAFEBAG_pop_free(s, PKCS12_SAFEBAG_free);
}
void free_safes(STACK_OF(PKCS7) * s) {
    sk_PKCS7_pop_free(s, PKCS7_free);
}
using bags_ptr = std::unique_ptr<STACK_OF(PKCS12_SAFEBAG), freed_by<free_bags>>;
using safes_ptr = std::unique_ptr<STACK_OF(PKCS7), freed_by<free_safes>>;

std::string name_of(PKCS12_SAFEBAG* bag) {
    char* name = PKCS12_get_friendlyname(bag);
    std::string out = name ? name : "";
    OPENSSL_free(name);
    return out;
}

class reader {
public:
    reader(const std::optional<std::string>& password, const old_ciphers& from)
        : password_(password ? password->c_str() : nullptr),
          size_(password ? static_cast<int>(password->size()) : 0),
          from_(from) {}

    contents read(const std::string& bytes) {
        const auto in = bio_of(bytes);
        auto* into = PKCS12_init_ex(NID_pkcs7_data, from_.context(), nullptr);
        if (!d2i_PKCS12_bio(in.get(), &into)) {
            PKCS12_free(into);
            ERR_clear_error();
            throw store_error("store", bytes.find("-----BEGIN ") != std::string::npos
                                           ? "it is PEM, not PKCS#12: say `type: pem`"
                                           : "it is no PKCS#12 file");
        }
        const p12_ptr p12(into);
        check_password(p12.get());
        const safes_ptr safes(PKCS12_unpack_authsafes(p12.get()));
        if (!safes) throw damaged();
        for (int i = 0; i < sk_PKCS7_num(safes.get()); ++i) {
            auto* safe = sk_PKCS7_value(safes.get(), i);
            const int kind = OBJ_obj2nid(safe->type);
            if (kind == NID_pkcs7_data) {
                take(bags_ptr(PKCS12_unpack_p7data(safe)).get());
            } else if (kind == NID_pkcs7_encrypted) {
                take(bags_ptr(PKCS12_unpack_p7encdata(safe, password_, size_)).get());
            }
        }
        return std::move(out_);
    }

private:
    // Without a password a file may have been made with none at all, or with an empty one.
    void check_password(PKCS12* p12) {
        if (!PKCS12_mac_present(p12)) return;
        if (PKCS12_verify_mac(p12, password_, size_)) return;
        if (size_ == 0) {
            password_ = password_ ? nullptr : "";
            if (PKCS12_verify_mac(p12, password_, size_)) {
                ERR_clear_error();
                return;
            }
            ERR_clear_error();
            throw store_error("password", "it has a password, and none is given");
        }
        ERR_clear_error();
        throw store_error("password", "the password is wrong");
    }

    void take(const STACK_OF(PKCS12_SAFEBAG) * bags) {
        if (!bags) throw damaged();
        for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); ++i)
            take(sk_PKCS12_SAFEBAG_value(bags, i));
    }

    void take(PKCS12_SAFEBAG* bag) {
        switch (PKCS12_SAFEBAG_get_nid(bag)) {
            case NID_keyBag:
                return take_key(PKCS12_SAFEBAG_get0_p8inf(bag), name_of(bag));
            case NID_pkcs8ShroudedKeyBag: {
                const pkcs8_ptr key(
                    PKCS12_decrypt_skey_ex(bag, password_, size_, from_.context(), nullptr));
                if (!key) throw damaged();
                return take_key(key.get(), name_of(bag));
            }
            case NID_certBag: {
                if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate) return;
                cert_ptr cert(PKCS12_SAFEBAG_get1_cert(bag));
                if (!cert) throw damaged();
                out_.certs.push_back({std::move(cert), name_of(bag)});
                return;
            }
            case NID_crlBag: {
                crl_ptr crl(PKCS12_SAFEBAG_get1_crl(bag));
                if (crl) out_.crls.push_back(std::move(crl));
                return;
            }
            case NID_safeContentsBag:
                return take(PKCS12_SAFEBAG_get0_safes(bag));
            default:
                return;  // secrets
        }
    }

    void take_key(const PKCS8_PRIV_KEY_INFO* info, std::string alias) {
        key_ptr key(EVP_PKCS82PKEY(info));
        if (!key) throw damaged();
        out_.keys.push_back({std::move(key), std::move(alias)});
    }

    store_error damaged() const {
        const auto reason = take_reason();
        return {"store",
                reason + (from_.complete() ? ""
                                           : " (OpenSSL's legacy provider, for older files, is not "
                                             "installed)")};
    }

    const char* password_;
    int size_;
    const old_ciphers& from_;
    contents out_;
};

}  // namespace

contents read_pkcs12(const std::string& bytes, const std::optional<std::string>& password) {
    const old_ciphers from;
    return reader(password, from).read(bytes);
}

}  // namespace weft::vault_filesystem
