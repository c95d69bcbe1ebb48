#!/bin/sh
# Starts a Kafka of its own: SASL over TLS on localhost:9094, mutual TLS on 9095, and no way in from elsewhere.
# Makes the topics and the user weft with $KAFKA_PASSWORD. `./kafka.sh stop` ends it; its data are in kafka/.
set -eu
cd "$(dirname "$0")"
root="${WEFT_ROOT:-../..}"
sasl="${SASL_PORT:-9094}" mutual="${MUTUAL_PORT:-9095}"
export WEFT_KAFKA_DIR="$PWD/kafka"
if [ "${1:-start}" = stop ]; then exec "$root/dev" kafka stop; fi

mkdir -p kafka
cat >kafka/extra.properties <<END
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},SASL://127.0.0.1:$sasl,MUTUAL://127.0.0.1:$mutual
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL://localhost:$sasl,MUTUAL://localhost:$mutual
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL,MUTUAL:SSL
inter.broker.listener.name=PLAINTEXT
ssl.keystore.type=PEM
ssl.keystore.location=$PWD/tls/localhost.pem
ssl.truststore.type=PEM
ssl.truststore.location=$PWD/tls/ca.crt
listener.name.mutual.ssl.client.auth=required
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
END
address=$("$root/dev" kafka start)
"$root/dev" kafka topics "$address"
python3 "$root/dev.d/kafka_admin.py" "$address" user weft
