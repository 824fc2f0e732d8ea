// Containers by the names of their cgroups: the layouts of docker, podman, CRI, containerd, LXC,
// libvirt and BPM, as Falco's container plugin knows them (plugins/container/src/matchers).
#include <algorithm>
#include <string>
#include <string_view>

#include "format.hpp"

namespace state {

namespace {

using View = std::string_view;

constexpr size_t FULL_ID = 64, SHORT_ID = 12;

struct Layout {
    View before, after;
};

constexpr Layout LAYOUTS[] = {
    // podman
    {"/libpod-", ".scope"}, {"/libpod-", ".scope/container"}, {"/libpod-", ""},
    {"/libpod-payload-", ".scope"}, {"/libpod-payload-", ".scope/container"},
    {"/libpod-payload-", ""},
    // docker
    {"/", ""}, {"/docker-", ".scope"},
    // CRI
    {"/crio-", ""}, {"/cri-containerd-", ".scope"}, {"/crio-", ".scope"},
    {":cri-containerd:", ""}, {"/nerdctl-", ".scope"},
};

bool ends(View text, View suffix) {
    return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

bool alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The bytes between the last `before` and the last `after`.
bool between(View cgroup, const Layout &layout, size_t &start, size_t &size) {
    start = cgroup.rfind(layout.before);
    if(start == View::npos) return false;
    start += layout.before.size();
    size_t end = cgroup.size();
    if(!layout.after.empty()) {
        end = cgroup.rfind(layout.after);
        if(end == View::npos || end < start) return false;
    }
    size = end - start;
    return true;
}

bool runc(View cgroup, const Layout &layout, std::string &id) {
    size_t start, size;
    if(!between(cgroup, layout, start, size) || size != FULL_ID) return false;
    // The first foreign byte is looked for behind the prefix, but measured from the start.
    if(cgroup.find_first_not_of("0123456789abcdefABCDEF", start) < FULL_ID) return false;
    id = cgroup.substr(start, SHORT_ID);
    return true;
}

// ctr: /namespace/id, for any namespace: the first part of the path that looks like one.
bool containerd(View cgroup, std::string &id) {
    for(size_t slash = cgroup.find('/'); slash != View::npos; slash = cgroup.find('/', slash + 1)) {
        size_t at = slash + 1;
        bool begun = false;
        while(at < cgroup.size()) {
            if(alphanumeric(cgroup[at])) {
                begun = true;
                ++at;
            } else if(begun && (cgroup[at] == '.' || cgroup[at] == '_' || cgroup[at] == '-') &&
                      at + 1 < cgroup.size() && alphanumeric(cgroup[at + 1])) {
                ++at;
            } else {
                break;
            }
        }
        if(!begun || at >= cgroup.size() || cgroup[at] != '/') continue;
        size_t start, size;
        const Layout layout{cgroup.substr(slash, at + 1 - slash), ""};
        if(!between(cgroup, layout, start, size)) return false;
        if(size == FULL_ID &&
           cgroup.find_first_not_of("0123456789abcdefABCDEF", start) >= FULL_ID) {
            id = cgroup.substr(start, SHORT_ID);
            return true;
        }
        if(size == 0 || size > FULL_ID) return false;
        if(ends(cgroup, ".service") || ends(cgroup, ".slice") || ends(cgroup, ".scope")) {
            return false;
        }
        id = cgroup.substr(start, std::min(size, SHORT_ID));
        return true;
    }
    return false;
}

bool lxc(View cgroup, std::string &id) {
    for(View layout : {View("/lxc/"), View("/lxc.payload/"), View("/lxc.payload.")}) {
        const size_t at = cgroup.find(layout);
        if(at == View::npos) continue;
        const View rest = cgroup.substr(at + layout.size());
        id = rest.substr(0, rest.find('/'));
        return true;
    }
    return false;
}

bool libvirt(View cgroup, std::string &id) {
    constexpr View plain = ".libvirt-lxc", unit = "-lxc\\x2", legacy = "/libvirt/lxc/";
    size_t at = cgroup.find(plain);
    if(at != View::npos && at == cgroup.size() - plain.size()) {
        const size_t slash = cgroup.rfind('/');
        if(slash != View::npos && slash < at) {
            id = cgroup.substr(slash + 1, at - slash - 1);
            return true;
        }
    }
    at = cgroup.find(unit);
    if(at != View::npos) {
        const View end = cgroup.find(".scope/libvirt") != View::npos ? ".scope/libvirt" : ".scope";
        const size_t stop = cgroup.find(end);
        const size_t start = at + unit.size() + 1;
        if(stop != View::npos && stop == cgroup.size() - end.size() && stop >= start) {
            id = cgroup.substr(start, stop - start);
            return true;
        }
    }
    at = cgroup.find(legacy);
    if(at == View::npos) return false;
    id = cgroup.substr(at + legacy.size());
    return true;
}

bool bpm(View cgroup, std::string &id) {
    const size_t at = cgroup.find("bpm-");
    if(at == View::npos) return false;
    const View rest = cgroup.substr(at + 4);
    const View name = rest.substr(0, rest.find(".scope"));
    if(name.empty()) return false;
    for(char c : name) {
        if(!alphanumeric(c) && c != '.' && c != '_' && c != '-') return false;
    }
    id = name;
    return true;
}

}  // namespace

bool normal_cgroups(View cgroups, std::string &to) {
    to.clear();
    if(!cgroups.empty() && cgroups.back() == '\0') cgroups.remove_suffix(1);
    if(cgroups.empty()) return true;
    for(size_t at = 0; at <= cgroups.size();) {
        const size_t end = std::min(cgroups.find('\0', at), cgroups.size());
        const View entry = cgroups.substr(at, end - at);
        const size_t equals = entry.find('=');
        if(equals == View::npos) return false;
        std::string subsystem(entry.substr(0, equals));
        if(const size_t suffix = subsystem.find("_cgroup"); suffix != View::npos) {
            subsystem.erase(suffix, 7);
        }
        if(subsystem == "perf") subsystem = "perf_event";
        else if(subsystem == "mem") subsystem = "memory";
        else if(subsystem == "io") subsystem = "blkio";
        if(at) to.push_back('\0');
        to += subsystem;
        to += entry.substr(equals);
        at = end + 1;
    }
    return true;
}

std::string container_of(View cgroups, Runtime &runtime) {
    std::string id;
    runtime = RUNTIME_NONE;
    for(size_t at = 0; at < cgroups.size();) {
        const size_t end = std::min(cgroups.find('\0', at), cgroups.size());
        const View entry = cgroups.substr(at, end - at);
        const View path = entry.substr(entry.find('=') + 1);
        at = end + 1;
        if(path.empty()) continue;
        for(const Layout &layout : LAYOUTS) {
            if(runc(path, layout, id)) return id;
        }
        if(containerd(path, id)) return id;
        if(lxc(path, id)) runtime = RUNTIME_LXC;
        else if(libvirt(path, id)) runtime = RUNTIME_LIBVIRT;
        else if(bpm(path, id)) runtime = RUNTIME_BPM;
        if(!id.empty()) return id;
        runtime = RUNTIME_NONE;
    }
    return id;
}

}  // namespace state
