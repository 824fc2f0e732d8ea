// From records of the probe to the columns of a batch.
#include "assembler.hpp"

#include "tables.hpp"

namespace probe {

namespace {

constexpr size_t kMaxChildren = 127;  // type ids of an Arrow union are int8

}  // namespace

Assembler::Assembler(const scap_tables &tables, const probe_recipe *recipes, size_t n_recipes,
                     const probe_parameter *parameters, size_t n_parameters, int64_t clock_offset):
    tables_{tables}, parameters_(parameters, parameters + n_parameters), recipes_(CALLS),
    clock_offset_{clock_offset}, malformed_(CALLS), types_(tables.types.size()),
    child_of_(tables.types.size(), -1) {
    for(size_t i = 0; i < n_recipes; i++) {
        const probe_recipe &recipe = recipes[i];
        recipes_[recipe.call] = recipe;
        scap::Table &table = types_[recipe.type];
        if(!table.columns.empty()) continue;
        for(unsigned p = 0; p < tables.types[recipe.type].count; p++) {
            const scap_parameter &column = tables.parameter(recipe.type, p);
            table.columns.emplace_back(column.kind, column.width,
                                       tables.choices.data() + column.dynamic, column.choices);
        }
    }
}

bool Assembler::fits(const uint8_t *record, size_t size) const {
    if(codes_.size() < kMaxChildren || size < sizeof(probe_record)) return true;
    const auto number = load<uint16_t>(record + offsetof(probe_record, call));
    if(number >= recipes_.size() || !recipes_[number].parameters_known) return true;
    return child_of_[recipes_[number].type] >= 0;
}

bool Assembler::append(const uint8_t *record, size_t size) {
    if(size < sizeof(probe_record)) return refuse(0);
    const auto number = load<uint16_t>(record + offsetof(probe_record, call));
    if(number >= recipes_.size() || !recipes_[number].parameters_known) return refuse(0);
    const Recipe &recipe = recipes_[number];
    if(!call_.take_apart(record, size, recipe)) return refuse(number);
    known_ = KNOWN_READ;
    begins_ = false;
    if(asker_) complete(number);

    scap::Table &table = types_[recipe.type];
    int8_t child = child_of_[recipe.type];
    if(child < 0) {
        child = child_of_[recipe.type] = static_cast<int8_t>(codes_.size());
        codes_.push_back(recipe.type);
    }
    const probe_record &head = call_.head();
    counts_.events++;
    type_ids_.push(child);
    offsets_.push(static_cast<int32_t>(table.rows));
    num_.number(counts_.events);
    time_.number(static_cast<int64_t>(head.time) + clock_offset_);
    cpu_.number(head.cpu);
    tid_.number(static_cast<int64_t>(head.tid));
    type_.number(recipe.type);
    present_.number(recipe.parameters);
    flags_.number(uint32_t{0});
    // How a process ended is not always known.
    const unsigned unknown = number == CALL_EXIT && call_.argument(2) ? 4 : 0;
    for(unsigned i = 0; i < unknown && i < recipe.parameters; i++) table.columns[i].null();
    for(unsigned i = unknown; i < recipe.parameters; i++)
        keep(table.columns[i], parameters_[recipe.first + i],
             tables_.parameter(recipe.type, i));
    table.rows++;
    rows_++;
    return true;
}

bool Assembler::unseen(const probe_source &source) const {
    // A program that begins has no executable known rather than that of the one before.
    if(source.kind == SOURCE_PIECE) return !begins_ && !call_.piece(source).data;
    if(source.kind != SOURCE_FIELD) return false;
    if(!call_.piece(unsigned{source.index}).data) return true;
    if(known_ == KNOWN_READ || source.index) return false;
    switch(source.offset) {
    case offsetof(probe_task, tid):
    case offsetof(probe_task, pid):
    case offsetof(probe_task, vtid):
    case offsetof(probe_task, vpid):
    case offsetof(probe_task, euid):
    case offsetof(probe_task, egid):
        return false;
    case offsetof(probe_task, ptid):
    case offsetof(probe_task, pgid):
    case offsetof(probe_task, vpgid):
    case offsetof(probe_task, fdlimit):
    case offsetof(probe_task, loginuid):
    case offsetof(probe_task, tty):
        return known_ != KNOWN_RECALLED;
    default:
        return true;
    }
}

Value Assembler::value(const probe_parameter &parameter) {
    const int64_t result = call_.result();
    const bool holds = parameter.when == WHEN_ALWAYS ||
                       (parameter.when == WHEN_SUCCEEDED && result >= 0) ||
                       (parameter.when == WHEN_ZERO && result == 0) ||
                       (parameter.when == WHEN_ABOVE_ZERO && result > 0);
    const Value other = parameter.has_other ? number(parameter.other) : empty();
    if(!holds) return other;
    // What nobody saw is empty, and not 0.
    if(asker_ && unseen(parameter.sources[0])) return other;
    if(parameter.function >= 0) return convert(parameter.function, call_, parameter.sources);
    const probe_source &source = parameter.sources[0];
    if(source.kind == SOURCE_NONE) return empty();
    if(source.kind == SOURCE_PIECE) return probe::bytes(call_.piece(source));
    int64_t found = 0;
    if(!call_.number(source, found) && parameter.has_other) return other;
    return number(found);
}

void Assembler::keep(scap::Column &column, const probe_parameter &parameter,
                     const scap_parameter &shape) {
    const Value made = value(parameter);
    switch(made.kind) {
    case Value::kEmpty:
        column.null();
        break;
    case Value::kNumber:
        // Little-endian: the low bytes are the narrower number.
        counts_.bytes += shape.width;
        column.append({reinterpret_cast<const uint8_t *>(&made.number), shape.width});
        break;
    default:
        counts_.bytes += made.bytes.size;
        bytes_ += made.bytes.size;
        if(!column.append(made.bytes)) counts_.malformed++;
        break;
    }
    bytes_ += shape.width;
}

void Assembler::complete(uint16_t number) {
    // Where the pieces are, by the rows of calls.tsv.
    enum { kTask, kArgs, kCgroups, kExe = 4, kPath };
    // x86_64: clone, fork, vfork, execve, capset, execveat, clone3.
    const bool clones = number == 56 || number == 57 || number == 58 || number == 435;
    const bool execs = number == 59 || number == 322 || number == CALL_EXEC;
    const bool caps = number == 126, exits = number == CALL_EXIT;
    if(!clones && !execs && !caps && !exits) return;
    probe_details &d = details_;
    d.call = number;
    d.result = call_.result();
    d.exe_size = d.args_size = d.cgroups_size = d.path_size = 0;
    d.known = KNOWN_SEEN;
    d.task = {};
    d.task.tid = d.task.pid = call_.head().tid;
    const Slice task = call_.piece(kTask), args = call_.piece(kArgs);
    if((clones || execs) && task.size >= sizeof d.task)
        std::memcpy(&d.task, task.data, sizeof d.task);
    d.given = execs ? args.data : nullptr;
    d.given_size = execs && args.data ? args.size : 0;
    asker_(handle_, &d);
    known_ = caps ? uint8_t{KNOWN_READ} : d.known;
    begins_ = execs;
    if(caps) {
        call_.replace(0, &d.task.cap_inheritable, d.exe_size);
    } else if(!exits) {
        call_.replace(kTask, &d.task, sizeof d.task);
        if(clones) call_.replace(kArgs, d.args, d.args_size);
        call_.replace(kCgroups, d.cgroups, d.cgroups_size);
        if(execs) {
            call_.replace(kExe, &d.exe, d.exe_size);
            call_.replace(kPath, d.path, d.path_size);
        }
    }
}

bool Assembler::refuse(uint16_t call) {
    counts_.malformed++;
    malformed_[call]++;
    return false;
}

uint64_t Assembler::take_malformed(uint16_t call) {
    if(call >= malformed_.size()) return 0;
    const uint64_t count = malformed_[call];
    malformed_[call] = 0;
    return count;
}

void Assembler::move_batch(ArrowArray *to) {
    std::vector<std::unique_ptr<ArrowArray>> columns, children;
    for(scap::Column *column : {&num_, &time_, &cpu_, &tid_, &type_, &present_, &flags_}) {
        columns.push_back(std::make_unique<ArrowArray>());
        column->move_to(columns.back().get());
    }
    for(uint16_t code : codes_) {
        children.push_back(std::make_unique<ArrowArray>());
        types_[code].move_to(children.back().get());
        child_of_[code] = -1;
    }
    const auto rows = static_cast<int64_t>(rows_);
    columns.push_back(std::make_unique<ArrowArray>());
    scap::make_array(columns.back().get(), rows, 0, {type_ids_.release(), offsets_.release()},
                     std::move(children));
    scap::make_array(to, rows, 0, {nullptr}, std::move(columns));
    rows_ = bytes_ = 0;
    codes_.clear();
}

}  // namespace probe

extern "C" {

probe_assembler *probe_assembler_new(uintptr_t tables, const probe_recipe *recipes, size_t n_recipes,
                                     const probe_parameter *parameters, size_t n_parameters,
                                     int64_t clock_offset) {
    return new probe_assembler{{*reinterpret_cast<const scap_tables *>(tables), recipes, n_recipes,
                                parameters, n_parameters, clock_offset}};
}

void probe_assembler_free(probe_assembler *assembler) {
    delete assembler;
}

void probe_ask(probe_assembler *assembler, probe_asker ask, void *handle) {
    assembler->assembler.ask(ask, handle);
}

int probe_append(probe_assembler *assembler, const uint8_t *record, size_t size) {
    return assembler->assembler.append(record, size);
}

uint64_t probe_rows(const probe_assembler *assembler) {
    return assembler->assembler.rows();
}

size_t probe_batch_codes(const probe_assembler *assembler, uint16_t *codes) {
    const auto &found = assembler->assembler.codes();
    std::copy(found.begin(), found.end(), codes);
    return found.size();
}

void probe_batch(probe_assembler *assembler, uintptr_t array) {
    assembler->assembler.move_batch(reinterpret_cast<ArrowArray *>(array));
}

void probe_count(const probe_assembler *assembler, probe_counts *counts) {
    *counts = assembler->assembler.counts();
}

uint64_t probe_malformed(probe_assembler *assembler, uint16_t call) {
    return assembler->assembler.take_malformed(call);
}

}
