// The test kit: runs a binding in a unit test, between peers that the test plays. No runtime, no
// sockets, no sleeping: one thread, and a clock that the test moves. Header-only; works with any
// test framework, since what is wrong is thrown.
//
//   #include <weft/testing.hpp>
//   extern "C" const weft_plugin* weft_plugin_1(void);  // the plugin, linked into the test
//
//   TEST(echo, sends_back) {
//       weft::testing::host host;
//       auto& echo = host.run(weft_plugin_1, R"({"kind": "server"})");
//       auto& client = echo.open();    // a stream to the binding
//       client.expect(WEFT_BEGIN);     // the next frame that came, of this kind
//       client.window(100);            // the binding may send 100 bytes
//       client.send("hello");          // DATA; throws when the binding granted less
//       EXPECT_EQ(client.expect_data(), "hello");
//       client.end();
//       client.expect(WEFT_END);
//       EXPECT_TRUE(client.closed());
//       host.finish();                 // drain, detach, destroy; says what was left behind
//   }
//
// A proxy has another side. Its default route leads to an exit that the test plays:
//       auto& exit = host.accepted();  // the stream that the binding opened
//       exit.begin();
//       exit.window(100);
//
// host     turns, time, trouble to order, events        <weft/testing/host.hpp>
// subject  the binding: open, drain, detach, metrics    <weft/testing/subject.hpp>
// peer     one end of a stream: send, expect, credit    <weft/testing/peer.hpp>
// frame    what a peer received                         <weft/testing/frame.hpp>
// part     one class of a plugin instead of all of it   <weft/testing/part.hpp>, included by itself
//
// The rules of <weft/abi.h> are kept and watched. The kit delivers frames as the runtime does:
// onwards by plain calls, to a busy instance later and in order, WINDOWs merged at the end of the
// turn, on_closed last. What the binding does against a rule (sending without credit, a slice used
// after its last reference, a timer left behind by detach; the list is in
// <weft/testing/report.hpp>) is thrown as contract_violation by the call in which it happened.
#pragma once

#include <weft/testing/host.hpp>
