#!/bin/sh
# Prints a token for a device, good for an hour or for so many seconds. Makes the issuer's key, in
# keys/ beside this script, when there is none yet.
set -eu
cd "$(dirname "$0")"
device=${1:?usage: ./token.sh DEVICE [SECONDS]}
end=$(($(date +%s) + ${2:-3600}))
if [ ! -f keys/private.pem ]; then
    mkdir -p keys
    (umask 077 && openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out keys/private.pem 2>/dev/null)
    openssl pkey -in keys/private.pem -pubout -out keys/public.pem
fi
base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
header=$(printf '{"alg":"RS256","typ":"JWT"}' | base64url)
claims=$(printf '{"iss":"https://auth.example.com","aud":"https://api.example.com","sub":"%s","scope":"mqtt:stream","exp":%d}' \
    "$device" "$end" | base64url)
signature=$(printf '%s.%s' "$header" "$claims" | openssl dgst -sha256 -sign keys/private.pem -binary | base64url)
printf '%s.%s.%s\n' "$header" "$claims" "$signature"
