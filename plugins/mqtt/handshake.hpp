// handshake: what a connection needs from CONNECT to CONNACK and never again.
#pragma once

#include <weft/meta.hpp>

#include <string>
#include <vector>

namespace weft::mqtt {

class password_check;

struct handshake {
    meta_writer<weft_mqtt_begin> begin;  // for the session stream, once the client is known
    uint64_t exit = 0;
    std::vector<uint64_t> granted;  // the reply BEGIN, while the will has not gone up
    std::string auth_data;          // of CONNACK
    password_check* checking = nullptr;
    uint16_t client_keep_alive_s = 0;  // what it wanted
    uint8_t will_qos = 0;
    bool has_will = false, will_retain = false;
    bool clean_start = false;
    bool wants_response_information = false;
    bool counted = false;  // in server::handshakes_
};

}  // namespace weft::mqtt
