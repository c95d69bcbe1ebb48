// The line of an event:
//   <namespace>:<binding> [dd/MMM/yyyy:HH:mm:ss Z] [<trace id, 16 hex digits>d] <EVENT_NAME> <text>
//   example:north_tcp_client [24/Jun/2025:10:11:12 +0000] [0000000000000012d]
//   BINDING_TCP_DNS_FAILED Unable to ...
// Tools read it: the stray `d` behind the trace id is part of the format. Months are English
// whatever the locale; the time zone is the process's.
#pragma once

#include <weft/abi.h>

#include <string>

namespace weft::exporter_stdout {

// With the final newline, and no other: control characters of the text, which may come from a
// client, are written as \xNN.
std::string format_line(const weft_event& e);

}  // namespace weft::exporter_stdout
