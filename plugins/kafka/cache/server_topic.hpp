// One topic of a cache_server on one worker: its META stream to the exit, the neighbours that
// listen to it, and the writers of the partitions that this worker owns.
#pragma once

#include "meta_block.hpp"
#include "partition_writer.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weft::kafka {

class meta_reply;

class server_topic final : public upstream::listener, public partition_writer::owner {
public:
    class owner {
    public:
        virtual ~owner() = default;
        virtual void on_topic_progress() = 0;
    };
    server_topic(writer_host& host, owner& o, std::string name, uint64_t exit);
    ~server_topic() override;

    const std::string& name() const { return name_; }
    // The partitions are known and what this worker owns of them is in the log.
    bool is_current() const;
    // Why not, for people; empty when current.
    std::string waiting_for() const;

    void join(meta_reply& r);
    void leave(meta_reply& r);
    void maintain();
    // The logs are let go of, and who listens is asked to listen to a successor.
    void drain();

private:
    void ask_again() override;
    void on_denied(const weft_meta* status) override { on_status(status); }
    void on_progress() override { owner_.on_topic_progress(); }
    void on_upstream_open(upstream& u) override;
    void on_upstream_flush(const weft_flush& f) override;
    void on_upstream_broken(uint32_t failures, const weft_frame* why) override;
    void on_ask();
    void on_partitions(const weft_meta* meta);
    void on_status(const weft_meta* meta);
    void tell_state(uint32_t state, const std::string& text);
    void tell(const weft_meta* meta) const;
    bool owned(int32_t partition) const;

    writer_host& host_;
    owner& owner_;
    const std::string name_;
    const uint64_t exit_, hash_;
    shared_topic& shared_;
    meta_block partitions_, status_;
    std::string trouble_;  // empty: none
    bool ask_due_ = false, drained_ = false;
    std::map<int32_t, std::unique_ptr<partition_writer>> writers_;
    std::vector<meta_reply*> replies_;
    upstream meta_;
};

// A cache_client's META stream. Deletes itself.
class meta_reply final : public endpoint {
public:
    meta_reply(stream s, server_topic& topic) : stream_(s), topic_(&topic) {}
    stream peer() const { return stream_; }

    void on_end(stream, const weft_frame&) override { finish(); }
    void on_abort(stream, const weft_frame&) override { finish(); }
    void on_reset(stream, const weft_frame&) override { finish(); }
    void on_closed(stream) override {
        leave();
        delete this;
    }

private:
    void leave() {
        if (auto* t = std::exchange(topic_, nullptr)) t->leave(*this);
    }
    void finish() {
        leave();
        stream_.end();
        stream_.reset();
    }
    stream stream_;
    server_topic* topic_;
};

}  // namespace weft::kafka
