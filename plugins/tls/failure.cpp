#include "failure.hpp"

namespace weft::tls {
namespace {

constexpr const char* generic = "There was a generic error detected by an SSL subsystem.";
constexpr const char* rejected = "There was an error in the operation of the SSL protocol.";
constexpr const char* bad_key =
    "Bad SSL key due to misconfiguration of the server or client SSL certificate and private key.";
constexpr const char* not_verified = "The peer's identity could not be verified.";
constexpr const char* not_negotiated =
    "The client and server could not negotiate the desired level of security.";
constexpr const char* late = "The handshake did not complete before the timeout expired.";

// What the peer says is wrong with what it was shown.
bool says_not_verified(int reason) {
    switch (reason) {
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
            return true;
        default:
            return false;
    }
}

constexpr const char* no_tls_there = "; does the server speak TLS on this port?";

const char* advice_on_certificate(long verified) {
    switch (verified) {
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return "; its CA has to be in 'trust' of the vault";
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "; the server's certificate has to be renewed";
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "; the server's certificate is for another name than this destination's";
        default:
            return "";
    }
}

const char* advice_on(int reason) {
    switch (reason) {
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_HTTP_REQUEST:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_UNEXPECTED_EOF_WHILE_READING:
            return no_tls_there;
        default:
            return says_not_verified(reason)
                       ? "; the server does not take the certificate it was shown: see 'keys'"
                       : "";
    }
}

}  // namespace

failure take_failure(const SSL* s) {
    const bool client = !SSL_is_server(s);
    const unsigned long code = ERR_peek_error();
    const int reason = ERR_GET_REASON(code);
    const char* words = ERR_reason_error_string(code);
    ERR_clear_error();
    std::string why = words ? words : "the connection broke";
    if (const long verified = SSL_get_verify_result(s); verified != X509_V_OK) {
        why = X509_verify_cert_error_string(verified);
        if (client) why += advice_on_certificate(verified);
        return {"binding.tls.peer.not.verified", not_verified, why};
    }
    if (client) why += advice_on(reason);
    if (code == 0) return {"binding.tls.tls.failed", generic, why};
    if (says_not_verified(reason)) return {"binding.tls.peer.not.verified", not_verified, why};
    switch (reason) {
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            return {"binding.tls.peer.not.verified", not_verified, why};
        case SSL_R_NO_CERTIFICATE_ASSIGNED:
        case SSL_R_NO_PRIVATE_KEY_ASSIGNED:
        case SSL_R_PRIVATE_KEY_MISMATCH:
            return {"binding.tls.key.rejected", bad_key, why};
        case SSL_R_NO_SHARED_CIPHER:
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_NO_PROTOCOLS_AVAILABLE:
        case SSL_R_VERSION_TOO_LOW:
        case SSL_R_NO_APPLICATION_PROTOCOL:
        case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
        case SSL_R_NO_SUITABLE_KEY_SHARE:
        case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
        case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
        case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
        case SSL_R_TLSV1_UNRECOGNIZED_NAME:
            return {"binding.tls.handshake.failed", not_negotiated, why};
        default:
            return {"binding.tls.protocol.rejected", rejected, why};
    }
}

failure keys_are_the_kernels() {
    return {
        "binding.tls.tls.failed", generic,
        "the peer asked for new keys, which the kernel cannot change (weft.binding.tls.kernel)"};
}

failure timed_out() {
    return {"binding.tls.handshake.timeout", late, "it took too long"};
}

failure cut_off(const SSL* s) {
    std::string why = "the peer closed the connection";
    if (!SSL_is_server(s)) why += no_tls_there;
    return {"binding.tls.handshake.failed", not_negotiated, why};
}

}  // namespace weft::tls
