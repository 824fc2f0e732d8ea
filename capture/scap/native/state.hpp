// The lists a section starts with: processes, files, users and groups, machine, interfaces.
// Layouts from falcosecurity/libs, userspace/libscap/engine/savefile/scap_savefile.c.
#pragma once

#include <string>

#include "columns.hpp"
#include "input.hpp"

namespace scap {

// A walk through one block: never past its end, nor past the end of the file.
class Cursor {
public:
    Cursor(Input &input, uint64_t size): input_{input}, left_{size} {}

    const uint8_t *take(size_t n) {
        if(n > left_) {
            short_ = true;
            return nullptr;
        }
        const uint8_t *at = input_.need(n);
        if(!at) {
            ended_ = true;
            return nullptr;
        }
        input_.advance(n);
        left_ -= n;
        return at;
    }
    bool skip(uint64_t n) {
        if(n > left_) {
            short_ = true;
            return false;
        }
        if(!input_.skip(n)) {
            ended_ = true;
            return false;
        }
        left_ -= n;
        return true;
    }
    uint64_t left() const { return left_; }
    bool ended() const { return ended_; }
    bool ran_over() const { return short_; }

private:
    Input &input_;
    uint64_t left_;
    bool short_ = false;
    bool ended_ = false;
};

class State {
public:
    enum { kThreads, kFds, kUsers, kGroups, kMachine, kInterfaces, kTables };

    State();

    static bool known(uint32_t block);
    // Reads a block of one of the known types; false with a problem when it is damaged. What was
    // read before stays.
    bool read(uint32_t block, Cursor &cursor, std::string &problem);

    Table tables[kTables];

    size_t bytes() const;
    void clear();

private:
    bool processes(Cursor &cursor, int version, std::string &problem);
    bool files(Cursor &cursor, bool sized, std::string &problem);
    bool users(Cursor &cursor, bool sized, std::string &problem);
    bool interfaces(Cursor &cursor, bool sized, std::string &problem);
    bool machine(Cursor &cursor);
};

}  // namespace scap
