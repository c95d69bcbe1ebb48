// The stdout exporter: one line per event on standard output.
#include "format.hpp"
#include "line_writer.hpp"

#include <weft/exporter.hpp>

#include <unistd.h>

namespace weft::exporter_stdout {

class stdout_exporter : public exporter {
public:
    ~stdout_exporter() override { writer_.finish(); }

    void on_event(const weft_event& e) override {
        writer_.write(format_line(e));
        if (writer_.tell_closed())
            log(WEFT_WARN, "standard output is closed: events are no longer written to it");
    }

private:
    const shared_ref<line_state> state_ =
        shared_ref<line_state>::acquire(line_state::name, line_state::version);
    line_writer writer_{STDOUT_FILENO, *state_};
};

struct plugin {
    static constexpr const char* type = "stdout";
    static constexpr const char* version = "0.1.0";
    static constexpr const char* schema = nullptr;

    std::unique_ptr<exporter> create(const exporter_config&) {
        return std::make_unique<stdout_exporter>();
    }
};

}  // namespace weft::exporter_stdout

WEFT_EXPORTER_PLUGIN(weft::exporter_stdout::plugin)
