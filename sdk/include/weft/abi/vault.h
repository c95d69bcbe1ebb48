/* Extension weft.vault/1 (draft): a plugin that holds keys and certificates, found by
 * weft_plugin.get("weft.vault/1"). Service weft.vaults/1 (draft): how bindings read from the vaults
 * of the configuration. */
#ifndef WEFT_ABI_VAULT_H
#define WEFT_ABI_VAULT_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_VAULT "weft.vault/1"
#define WEFT_VAULTS "weft.vaults/1"

enum weft_vault_kind {
    WEFT_VAULT_KEY = 1,    /* a private key with its certificate chain */
    WEFT_VAULT_TRUST = 2,  /* a certificate that peers' chains may end in */
    WEFT_VAULT_SIGNER = 3, /* a CA certificate that selects keys: those that it issued */
    WEFT_VAULT_CRL = 4 /* a revocation list; where there is any, peers are checked against them */
};

/* One entry. Everything is the vault's, for the call that passes it. Never a path: a vault need not
 * have files. */
typedef struct weft_vault_entry {
    uint32_t size, kind;
    const char* alias;       /* as the store spells it; compared without regard to case */
    const char* source;      /* where it is from, for people: "server.p12", "arn:..." */
    weft_slice certificates; /* PEM: the entry's own first, then its chain; of a CRL: that */
    weft_slice key;          /* PEM, PKCS#8, not encrypted; empty: the vault signs, or no key */
    weft_slice ocsp;         /* a DER OCSP response to staple, or empty */
    uint64_t signer;         /* what to give to `sign` where `key` is empty; 0: nothing */
} weft_vault_entry;

/* `each` is called within the call, for every entry that was found. */
typedef void (*weft_vault_each)(void* ctx, const weft_vault_entry* entry);
/* [any] rc: 0 or WEFT_E_*; the signature is borrowed for the call. */
typedef void (*weft_vault_signed)(void* ctx, int32_t rc, const weft_slice* signature);

typedef struct weft_vault_vt {
    uint32_t size, flags;
    const char* type;           /* as in vaults.NAME.type */
    const char* options_schema; /* JSON Schema for its `options`; NULL = there must be none */
    /* config: {"namespace": "n", "name": "v", "type": "filesystem", "options": {...},
     *          "properties": {...}, "engine": {"directory": "/...", "config_directory": "/..."}}.
     * Paths in options are relative to config_directory. Reads all there is: an error is told with
     * the place in the options ("/options/keys/password") and the file. May block. A reload creates
     * every vault anew, beside the one that serves. [control] */
    int32_t (*create)(void* plugin, const char* config_json, void** vault, weft_error* e);
    void (*destroy)(void* vault); /* [control] */
    /* Of the content, as text: a vault that gives the same one again has not changed. [control] */
    const char* (*digest)(void* vault);
    /* NULL-ended: files whose change is one of the vault, for the host to watch. NULL: none.
     * [control] */
    const char* const* (*files)(void* vault);
    /* The entries of a kind; alias NULL: all of them. How many there were. Must not block. [any] */
    int32_t (*find)(void* vault, uint32_t kind, const char* alias, weft_vault_each each, void* ctx);
    /* Signs `data` with a key that does not leave the vault; `scheme` as in TLS (RFC 8446, 4.2.3).
     * `done` is called once, on any thread. May be NULL. [any] */
    void (*sign)(void* vault, uint64_t signer, uint32_t scheme, const weft_slice* data,
                 weft_vault_signed done, void* ctx);
} weft_vault_vt;

/* Vaults by their qualified name ("namespace:name"), as in the configuration that a binding gets.
 */
typedef struct weft_vaults_vt {
    uint32_t size, flags;
    /* As weft_vault_vt.find. Negative: WEFT_E_GONE when there is no such vault. Within create and
     * renew the vaults are those of the configuration that is about to serve. [control] */
    int32_t (*find)(weft_host* h, const char* vault, uint32_t kind, const char* alias,
                    weft_vault_each each, void* ctx);
    /* To be called in the binding's create: from then until destroy, `renew` is called when a
     * reload has changed the content of the vault and not the binding, which lives on. renew reads
     * anew and uses it for what is new. When it fails, nothing of what it had may have changed; the
     * reload is refused, and those that were renewed already are renewed once more, with what was
     * before. 0 or WEFT_E_*. [control] */
    int32_t (*watch)(weft_host* h, const char* vault, int32_t (*renew)(void* ctx, weft_error* e),
                     void* ctx);
    /* As weft_vault_vt.sign, with `done` on w's worker as a call into the instance, always later;
     * detach waits for it. WEFT_E_GONE or WEFT_E_UNSUPPORTED: done will not be called. [worker] */
    int32_t (*sign)(weft_worker* w, const char* vault, uint64_t signer, uint32_t scheme,
                    const weft_slice* data, weft_vault_signed done, void* ctx);
} weft_vaults_vt;

#ifdef __cplusplus
}
#endif
#endif /* WEFT_ABI_VAULT_H */
