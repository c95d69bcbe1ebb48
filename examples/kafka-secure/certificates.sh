#!/bin/sh
# Makes a CA, a certificate for the broker on localhost and one for weft, in tls/ beside this script.
set -eu
cd "$(dirname "$0")"
mkdir -p tls
cd tls
curve="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

openssl req -x509 $curve -keyout ca.key -out ca.crt -days 365 -subj "/CN=Kafka CA" \
    -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
for name in localhost weft; do
    openssl req $curve -keyout $name.key -out $name.csr -subj "/CN=$name" -addext "subjectAltName=DNS:$name" 2>/dev/null
    openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 90 -copy_extensions copy \
        -out $name.crt 2>/dev/null
    cat $name.key $name.crt >$name.pem
done
chmod 600 ./*.key ./*.pem
