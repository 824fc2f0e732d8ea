// Takes in what a snapshot knows beyond the tables of a .scap.
#pragma once

#include <memory>
#include <vector>

#include "engine.hpp"
#include "start_table.hpp"

namespace state {

class Resumer {
public:
    Resumer(Engine &engine, const state_table_in *walked);

    // Whether its rows are those of these tables; what does not belong together is left aside.
    bool fits(const StartTable &threads, const StartTable &fds) const;
    // Before any thread.
    void make_groups();
    // The thread and the file in these rows.
    void thread(Thread *thread, int64_t row);
    void file(const StartTable &fds, int64_t row);
    // Groups, parents, containers and what the last event has left to be done.
    void relatives();

private:
    std::shared_ptr<Group> *group_at(int64_t row);

    Engine &engine_;
    std::vector<StartTable> tables_;
    std::vector<std::shared_ptr<Group>> groups_;
};

}  // namespace state
