// The walk over the blocks of a .scap.
// Layouts from falcosecurity/libs, userspace/libscap/scap_savefile.h and the savefile engine.
#pragma once

#include <string>
#include <vector>

#include "convert.hpp"
#include "folded.hpp"
#include "input.hpp"
#include "scap.h"
#include "state.hpp"

namespace scap {

struct Problem {
    std::string text;
    uint64_t offset;
    uint64_t events;
};

class Reader {
public:
    Reader(int fd, const scap_tables &tables, const scap_limits &limits);

    int next();
    // The same, with a lack of memory as a refusal.
    int guarded();
    const std::string &refusal() const { return refusal_; }

    const std::vector<uint16_t> &codes() const { return codes_; }
    void move_batch(ArrowArray *to);
    void move_state(int table, ArrowArray *to);
    uint64_t folded_rows() const { return folded_.rows(); }
    void move_folded(ArrowArray *to) { folded_.move_to(to); }

    scap_progress progress() const;
    const std::vector<Problem> &problems() const { return problems_; }

private:
    struct Block {
        uint32_t type;
        uint32_t length;
        uint64_t offset;
    };
    enum Phase { kStart, kLists, kEvents, kFinished };
    enum Step { kGoOn, kStop };

    bool header(Block &block, bool &end);
    int begin_section(const Block &block);
    Step read_list(const Block &block);
    Step skip_block(const Block &block);
    Step read_event(const Block &block);
    bool trailer(const Block &block);
    bool decode(const Block &block, const uint8_t *body, uint32_t size, Event &event);
    bool count_old(Event &event, const uint8_t *lengths, uint32_t size, const Block &block);
    void keep(const Event &event, uint16_t old_type, uint32_t old_count, const Block &block,
              const uint8_t *at);
    void drop(const Block &block, const uint8_t *at);
    void damage(const Block &block, const std::string &what);
    void problem(uint64_t offset, std::string text);
    int finish();

    Input input_;
    const scap_tables &tables_;
    const scap_limits limits_;
    Converter converter_;
    State state_;
    Folded folded_;

    uint64_t wanted_rows_;
    Phase phase_ = kStart;
    bool state_ready_ = false;
    uint32_t section_ = 0;
    uint64_t number_ = 0;
    uint64_t dropped_ = 0;
    uint64_t unknown_ = 0;
    uint64_t malformed_ = 0;
    uint64_t problem_count_ = 0;
    uint16_t major_ = 0;
    uint16_t minor_ = 0;
    bool damaged_ = false;
    bool initial_ = true;  // nothing but initial events in this section so far
    std::string refusal_;
    std::vector<Problem> problems_;

    // The batch being filled.
    std::vector<Table> types_;
    std::vector<int8_t> child_of_;
    std::vector<uint16_t> codes_;
    uint64_t rows_ = 0;
    uint64_t bytes_ = 0;
    Column num_{SCAP_FIXED, 8}, time_{SCAP_FIXED, 8}, cpu_{SCAP_FIXED, 2}, tid_{SCAP_FIXED, 8},
        type_{SCAP_FIXED, 2}, present_{SCAP_FIXED, 1}, flags_{SCAP_FIXED, 4};
    Buffer type_ids_, offsets_;
};

}  // namespace scap

struct scap_reader {
    scap::Reader reader;
};
