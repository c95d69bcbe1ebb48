#!/bin/sh
# Makes a CA and a certificate for localhost, in tls/ beside this script.
# KEYS_PASSWORD is the password of server.p12.
set -eu
cd "$(dirname "$0")"
mkdir -p tls
cd tls
curve="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

openssl req -x509 $curve -keyout ca.key -out ca.crt -days 365 -subj "/CN=Devices CA" \
    -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
openssl req $curve -keyout localhost.key -out localhost.csr -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
openssl x509 -req -in localhost.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 90 -copy_extensions copy \
    -out localhost.crt 2>/dev/null
openssl pkcs12 -export -name localhost -inkey localhost.key -in localhost.crt -passout "pass:$KEYS_PASSWORD" -out server.p12
chmod 600 ./*.key server.p12
