// Socket calls that more than one part needs.
#pragma once

#include "write_queue.hpp"

namespace weft::tcp {

// Writes until the kernel takes no more or the queue is empty. Returns 0 or the errno that ends the
// connection.
int write_some(int fd, write_queue& q);

// The close that follows sends RST and drops what the kernel still holds.
void close_with_reset(int fd);

// The pending error of a socket, 0 when there is none.
int socket_error(int fd);

}  // namespace weft::tcp
