#include "reader.hpp"

#include "blocks.hpp"

#include <algorithm>
#include <cstdio>

namespace scap {

namespace {

constexpr uint32_t kSection = 0x0A0D0D0A;
constexpr uint32_t kMagic = 0x1A2B3C4D;
constexpr uint32_t kSwappedMagic = 0x4D3C2B1A;
constexpr uint16_t kMajor = 1;
constexpr size_t kMaxChildren = 127;    // type ids of an Arrow union are int8
constexpr size_t kKeptProblems = 1000;

std::string hex(uint32_t value) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%x", value);
    return text;
}

}  // namespace

Reader::Reader(int fd, const scap_tables &tables, const scap_limits &limits):
    input_{fd}, tables_{tables}, limits_{limits}, converter_{tables, limits.max_pending},
    folded_{tables.types.size()},
    wanted_rows_{std::min(limits.first_rows, limits.max_rows)},
    types_(tables.types.size()), child_of_(tables.types.size(), -1) {
    for(size_t type = 0; type < types_.size(); type++) {
        for(unsigned i = 0; i < tables.types[type].count; i++) {
            const scap_parameter &parameter = tables.parameter(static_cast<uint16_t>(type), i);
            types_[type].columns.emplace_back(parameter.kind, parameter.width,
                                              tables.choices.data() + parameter.dynamic,
                                              parameter.choices);
        }
    }
}

int Reader::next() {
    if(phase_ == kFinished) return SCAP_END;
    for(;;) {
        if(rows_ && (rows_ >= wanted_rows_ || bytes_ >= limits_.max_bytes)) return SCAP_BATCH;
        if(folded_.rows() >= limits_.max_rows || folded_.bytes() >= limits_.max_bytes)
            return rows_ ? SCAP_BATCH : SCAP_FOLDED;
        const uint8_t *at = input_.need(kHeader);
        const Block block{at ? load<uint32_t>(at) : 0, at ? load<uint32_t>(at + 4) : 0,
                          input_.offset()};
        if(!at) {
            if(phase_ == kStart) {
                refusal_ = input_.failure().empty() ? "the file is empty or too short for a capture"
                                                    : input_.failure();
                return SCAP_REFUSED;
            }
            if(input_.available() || !input_.failure().empty())
                damage({0, 0, block.offset}, "the header of a block");
            return finish();
        }
        if(phase_ == kStart && block.type != kSection) {
            refusal_ = "it does not begin with a section of a .scap capture";
            return SCAP_REFUSED;
        }
        const EventBlock kind = event_block(block.type);
        if(kind.event && phase_ == kLists) {
            phase_ = kEvents;
            state_ready_ = false;
            return SCAP_STATE;
        }
        if(block.type == kSection && phase_ != kStart) {
            if(rows_) return SCAP_BATCH;
            if(folded_.rows()) return SCAP_FOLDED;
            if(state_ready_) {
                // A section without events still has its state.
                state_ready_ = false;
                return SCAP_STATE;
            }
        }
        if(block.length < kHeader + kTrailer) {
            damage(block, "a block of type " + hex(block.type) + " states " +
                              std::to_string(block.length) + " bytes, less than any block has");
            return finish();
        }
        if(kind.event) {
            if(read_event(block) == kStop) return finish();
            // The union of a batch has room for so many types: the rest goes into another batch.
            if(codes_.size() == kMaxChildren) return SCAP_BATCH;
        } else if(block.type == kSection) {
            const int result = begin_section(block);
            if(result == SCAP_REFUSED) return result;
            if(result == SCAP_END) return finish();
        } else if(State::known(block.type)) {
            if(read_list(block) == kStop) return finish();
        } else if(skip_block(block) == kStop) {
            return finish();
        }
    }
}

int Reader::guarded() {
    try {
        return next();
    } catch(const std::exception &error) {
        phase_ = kFinished;
        refusal_ = std::string("there is not enough memory to read on (") + error.what() + ")";
        return SCAP_REFUSED;
    }
}

int Reader::begin_section(const Block &block) {
    const bool first = phase_ == kStart;
    const auto refuse = [&](const std::string &why) {
        if(first) {
            refusal_ = why;
            return static_cast<int>(SCAP_REFUSED);
        }
        damage(block, why);
        return static_cast<int>(SCAP_END);
    };
    const uint8_t *at = input_.need(kHeader + 16 + kTrailer);
    if(!at || block.length < kHeader + 16 + kTrailer)
        return refuse("the head of the capture is cut short");
    const uint32_t magic = load<uint32_t>(at + 8);
    if(magic == kSwappedMagic)
        return refuse("the capture was written by a big-endian machine, which is not supported");
    if(magic != kMagic) return refuse("the head of the capture is not that of a .scap");
    major_ = load<uint16_t>(at + 12);
    minor_ = load<uint16_t>(at + 14);
    if(major_ > kMajor)
        return refuse("the capture has format version " + std::to_string(major_) + "." +
                      std::to_string(minor_) + ", newer than the 1.x that is known");
    input_.advance(kHeader + 16);
    // Options may follow; they hold comments at most.
    if(!input_.skip(block.length - kHeader - 16 - kTrailer))
        return refuse("the head of the capture is cut short");
    if(!trailer(block)) return SCAP_END;
    if(!first) section_++;
    state_.clear();
    phase_ = kLists;
    state_ready_ = true;
    initial_ = true;
    return SCAP_BATCH;
}

Reader::Step Reader::read_list(const Block &block) {
    if(phase_ == kEvents) {
        problem(block.offset, "a block of type " + hex(block.type) +
                                  " stands among the events; it is passed over");
        return skip_block(block);
    }
    if(state_.bytes() + block.length > limits_.max_state) {
        problem(block.offset, "the lists of processes and files are larger than " +
                                  std::to_string(limits_.max_state) + " bytes; a block of type " +
                                  hex(block.type) + " is passed over");
        return skip_block(block);
    }
    input_.advance(kHeader);
    Cursor cursor(input_, block.length - kHeader - kTrailer);
    std::string what;
    const bool whole = state_.read(block.type, cursor, what);
    if(!whole && !cursor.ended())
        problem(block.offset, what + " (block of type " + hex(block.type) + ")");
    if(cursor.ended() || !cursor.skip(cursor.left())) {
        damage(block, "a block of type " + hex(block.type));
        return kStop;
    }
    return trailer(block) ? kGoOn : kStop;
}

Reader::Step Reader::skip_block(const Block &block) {
    input_.advance(kHeader);
    if(!input_.skip(block.length - kHeader - kTrailer)) {
        damage(block, "a block of type " + hex(block.type) + " and " +
                          std::to_string(block.length) + " bytes");
        return kStop;
    }
    return trailer(block) ? kGoOn : kStop;
}

bool Reader::trailer(const Block &block) {
    const uint8_t *at = input_.need(kTrailer);
    if(!at) {
        damage(block, "a block of type " + hex(block.type));
        return false;
    }
    const uint32_t stated = load<uint32_t>(at);
    input_.advance(kTrailer);
    if(stated == block.length) return true;
    // One of the two lengths is wrong. If another block begins here it was the one at the end.
    at = input_.need(kHeader);
    const bool end = !at && input_.available() == 0;
    const uint32_t type = at ? load<uint32_t>(at) : 0;
    const bool block_follows =
        end || (at && load<uint32_t>(at + 4) >= kHeader + kTrailer &&
                (type == kSection || event_block(type).event || State::known(type)));
    const std::string what = "a block of type " + hex(block.type) + " states " +
                             std::to_string(block.length) + " bytes at its head and " +
                             std::to_string(stated) + " at its end";
    if(block_follows) {
        problem(block.offset, what);
        return true;
    }
    damage(block, what);
    return false;
}

int Reader::finish() {
    if(rows_) {
        // Reading comes back here once the batch is taken: the input stands where it stood.
        if(damaged_) phase_ = kFinished;
        return SCAP_BATCH;
    }
    if(folded_.rows()) {
        if(damaged_) phase_ = kFinished;
        return SCAP_FOLDED;
    }
    if(state_ready_) {
        state_ready_ = false;
        if(damaged_) phase_ = kFinished;
        return SCAP_STATE;
    }
    phase_ = kFinished;
    return SCAP_END;
}

void Reader::damage(const Block &block, const std::string &what) {
    damaged_ = true;
    std::string text = "the capture is damaged";
    if(!input_.failure().empty()) {
        text = input_.failure();
    } else if(what.find(" states ") == std::string::npos) {
        text = "the capture is cut short";
    }
    problem(block.offset, text + ": " + what);
}

void Reader::problem(uint64_t offset, std::string text) {
    problem_count_++;
    if(problems_.size() < kKeptProblems) problems_.push_back({std::move(text), offset, number_});
}

void Reader::move_batch(ArrowArray *to) {
    std::vector<std::unique_ptr<ArrowArray>> columns, children;
    for(Column *column : {&num_, &time_, &cpu_, &tid_, &type_, &present_, &flags_}) {
        columns.push_back(std::make_unique<ArrowArray>());
        column->move_to(columns.back().get());
    }
    for(uint16_t code : codes_) {
        children.push_back(std::make_unique<ArrowArray>());
        types_[code].move_to(children.back().get());
        child_of_[code] = -1;
    }
    wanted_rows_ = std::min(2 * wanted_rows_, limits_.max_rows);
    const auto rows = static_cast<int64_t>(rows_);
    columns.push_back(std::make_unique<ArrowArray>());
    make_array(columns.back().get(), rows, 0, {type_ids_.release(), offsets_.release()},
               std::move(children));
    make_array(to, rows, 0, {nullptr}, std::move(columns));
    rows_ = bytes_ = 0;
    codes_.clear();
}

void Reader::move_state(int table, ArrowArray *to) {
    state_.tables[table].move_to(to);
}

scap_progress Reader::progress() const {
    scap_progress at{};
    at.section = section_;
    at.events = number_;
    at.offset = input_.offset();
    at.dropped = dropped_;
    at.unknown = unknown_;
    at.malformed = malformed_;
    at.problems = problem_count_;
    at.major_version = major_;
    at.minor_version = minor_;
    at.compression = static_cast<uint8_t>(input_.compression());
    at.damaged = damaged_;
    return at;
}

}  // namespace scap

extern "C" {

scap_reader *scap_open(int fd, const scap_tables *tables, const scap_limits *limits) {
    return new scap_reader{{fd, *tables, *limits}};
}

void scap_close(scap_reader *reader) {
    delete reader;
}

int scap_next(scap_reader *reader) {
    return reader->reader.guarded();
}

const char *scap_refusal(const scap_reader *reader) {
    return reader->reader.refusal().c_str();
}

size_t scap_batch_codes(const scap_reader *reader, uint16_t *codes) {
    const auto &found = reader->reader.codes();
    std::copy(found.begin(), found.end(), codes);
    return found.size();
}

void scap_batch(scap_reader *reader, uintptr_t array) {
    reader->reader.move_batch(reinterpret_cast<ArrowArray *>(array));
}

void scap_state(scap_reader *reader, int table, uintptr_t array) {
    reader->reader.move_state(table, reinterpret_cast<ArrowArray *>(array));
}

uint64_t scap_folded_rows(const scap_reader *reader) {
    return reader->reader.folded_rows();
}

void scap_folded(scap_reader *reader, uintptr_t array) {
    reader->reader.move_folded(reinterpret_cast<ArrowArray *>(array));
}

void scap_where(const scap_reader *reader, scap_progress *progress) {
    *progress = reader->reader.progress();
}

const char *scap_problem(const scap_reader *reader, size_t index, uint64_t *offset,
                         uint64_t *events) {
    const auto &problems = reader->reader.problems();
    if(index >= problems.size()) return nullptr;
    *offset = problems[index].offset;
    *events = problems[index].events;
    return problems[index].text.c_str();
}

}
