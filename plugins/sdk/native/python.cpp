// Getting at a Python interpreter from inside any process.
//
// This library is not linked to libpython: a host that only extracts fields needs none. When a
// source is opened, the interpreter is, in this order: the one that runs in this process already
// (falcowb itself; Debian's python3 carries it in the program), a libpython that something else
// loaded, or a libpython loaded here. Whichever it is, its symbols must be visible to all, since
// hosts load plugins with RTLD_LOCAL and Python's own extension modules look for them.
//
// The part that does need those symbols is a small library made by cffi's embedding mode. It lies
// in this one as bytes and is loaded from memory, so that a plugin stays a single file.
#include "python.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <vector>

namespace fwb {

namespace {

struct Interpreter {
  int (*is_initialized)();
  void (*initialize)(int signals);
  void *(*save_thread)();
  int (*ensure)();
  void (*release)(int);
  int (*run)(const char*);
  const char *(*version)();
};

std::mutex lock;
Python python;
bool running = false;

bool exists(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

std::string own_folder() {
  Dl_info info;
  if (!dladdr(reinterpret_cast<void*>(&own_folder), &info) || !info.dli_fname) return "";
  char* real = realpath(info.dli_fname, nullptr);
  std::string path = real ? real : info.dli_fname;
  free(real);
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

// Code is loaded from a folder found by position only if it belongs to whoever owns this file, or
// to root, and nobody else can write there: this file may have been copied to any place.
bool trusted(const std::string& folder, const std::string& own) {
  struct stat its, ours;
  return stat(folder.c_str(), &its) == 0 && stat(own.c_str(), &ours) == 0 &&
         (its.st_uid == 0 || its.st_uid == ours.st_uid) && (its.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

// Where Python code is looked for: what the environment names, then the folders noted at build
// time. One that is gone is looked for where it lay relative to this file: a checkout may move.
std::vector<std::string> folders() {
  std::vector<std::string> found;
  if (const char* named = getenv("FALCOWB_PYTHONPATH")) {
    std::string rest = named;
    while (!rest.empty()) {
      size_t colon = rest.find(':');
      if (colon != 0) found.push_back(rest.substr(0, colon));
      rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
    }
  }
  std::string own = own_folder();
  for (size_t i = 0; i < kPython.folder_count; ++i) {
    std::string folder = kPython.folders[i];
    std::string relative = kPython.relative_folders[i];
    if (!exists(folder) && !relative.empty()) {
      std::string near = own + "/" + relative;
      if (trusted(near, own)) folder = near;
    }
    found.push_back(folder);
  }
  return found;
}

std::string quoted(const std::string& text) {
  static const char* digits = "0123456789abcdef";
  std::string out = "b'";
  for (unsigned char c : text) {
    out += "\\x";
    out += digits[c >> 4];
    out += digits[c & 15];
  }
  return out + "'";
}

template <class F>
bool symbol(void* library, const char* name, F* out) {
  *out = reinterpret_cast<F>(dlsym(library, name));
  return *out != nullptr;
}

bool find_functions(void* library, Interpreter* out) {
  return symbol(library, "Py_IsInitialized", &out->is_initialized) &&
         symbol(library, "Py_InitializeEx", &out->initialize) &&
         symbol(library, "PyEval_SaveThread", &out->save_thread) &&
         symbol(library, "PyGILState_Ensure", &out->ensure) &&
         symbol(library, "PyGILState_Release", &out->release) &&
         symbol(library, "PyRun_SimpleString", &out->run) &&
         symbol(library, "Py_GetVersion", &out->version);
}

bool find_interpreter(Interpreter* out, std::string* problem) {
  if (find_functions(RTLD_DEFAULT, out)) return true;
  void* library = dlopen(kPython.library, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
  std::string first;
  if (!library) library = dlopen(kPython.library, RTLD_NOW | RTLD_GLOBAL);
  if (!library) {
    first = dlerror();
    std::string path = std::string(kPython.library_folder) + "/" + kPython.library;
    library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  }
  if (!library || !find_functions(library, out)) {
    *problem = std::string("sources of ") + kPlugin.name + " need Python " + kPython.version +
               ", and its library cannot be loaded (" +
               (first.empty() ? "it lacks functions" : first) + "); install the package libpython" +
               kPython.version + " (its fields work without)";
    return false;
  }
  return true;
}

bool start_interpreter(const Interpreter& interpreter, std::string* problem) {
  std::string version = interpreter.version();
  std::string wanted = kPython.version;
  if (version.compare(0, wanted.size(), wanted) != 0 ||
      (version.size() > wanted.size() && version[wanted.size()] != '.')) {
    *problem = std::string(kPlugin.name) + " was built for Python " + wanted +
               ", but this process runs Python " + version.substr(0, version.find(' ')) +
               "; build the plugin with that Python";
    return false;
  }
  if (interpreter.is_initialized()) return true;
  // Python ends the whole process when it lacks its standard library, so that is looked at first.
  if (!getenv("PYTHONHOME") && !exists(std::string(kPython.standard_library) + "/os.py")) {
    *problem = std::string("sources of ") + kPlugin.name + " need Python's standard library, and " +
               kPython.standard_library + " is missing; install the package libpython" +
               kPython.version + "-stdlib (its fields work without)";
    return false;
  }
  interpreter.initialize(0);  // signals stay the host's
  interpreter.save_thread();
  return true;
}

// A host's own Python keeps the order of its path; ours comes behind it.
void add_folders(const Interpreter& interpreter) {
  std::string code = "import sys as _fwb_sys, os as _fwb_os\nfor _fwb_folder in (";
  for (const std::string& folder : folders()) code += quoted(folder) + ",";
  code +=
      "):\n"
      "    _fwb_folder = _fwb_os.path.abspath(_fwb_os.fsdecode(_fwb_folder))\n"
      "    if _fwb_folder not in _fwb_sys.path:\n"
      "        _fwb_sys.path.append(_fwb_folder)\n"
      "del _fwb_sys, _fwb_os, _fwb_folder\n";
  int state = interpreter.ensure();
  interpreter.run(code.c_str());
  interpreter.release(state);
}

bool write_all(int file) {
  size_t done = 0;
  while (done < kPython.bridge_size) {
    ssize_t n = write(file, kPython.bridge + done, kPython.bridge_size - done);
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

// The file descriptor stays open: the loader knows libraries by name, and the name is its number.
void* load_from_memory() {
  int file = memfd_create(kPlugin.name, MFD_CLOEXEC);
  if (file < 0) return nullptr;
  std::string path = "/proc/self/fd/" + std::to_string(file);
  void* library = write_all(file) ? dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (!library) close(file);
  return library;
}

void* load_from_file() {
  const char* temporary = getenv("TMPDIR");
  std::string folder = std::string(temporary && *temporary ? temporary : "/tmp") + "/fwb-XXXXXX";
  if (!mkdtemp(folder.data())) return nullptr;
  std::string path = folder + "/bridge.so";
  int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
  void* library = nullptr;
  if (file >= 0) {
    bool written = write_all(file);
    close(file);
    if (written) library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    unlink(path.c_str());
  }
  rmdir(folder.c_str());
  return library;
}

}  // namespace

const Python* running_python() { return running ? &python : nullptr; }

const Python* start_python(const fwb_native* native, std::string* problem) {
  std::lock_guard<std::mutex> guard(lock);
  if (running) return &python;
  if (!kPython.bridge_size) {
    *problem = std::string(kPlugin.name) + " has no source";
    return nullptr;
  }
  Interpreter interpreter;
  if (!find_interpreter(&interpreter, problem)) return nullptr;
  if (!start_interpreter(interpreter, problem)) return nullptr;
  add_folders(interpreter);
  static void* library = nullptr;
  if (!library) library = load_from_memory();
  if (!library) library = load_from_file();
  if (!library) {
    const char* why = dlerror();
    *problem = std::string("the Python part of ") + kPlugin.name + " cannot be loaded: " +
               (why ? why : "no room to put it");
    return nullptr;
  }
  decltype(&fwb_python_start) start;
  if (!symbol(library, "fwb_python_start", &start) ||
      !symbol(library, "fwb_python_open", &python.open) ||
      !symbol(library, "fwb_python_next", &python.next) ||
      !symbol(library, "fwb_python_close", &python.close) ||
      !symbol(library, "fwb_python_forget", &python.forget)) {
    *problem = std::string("the Python part of ") + kPlugin.name + " is not whole";
    return nullptr;
  }
  char error[2048];
  // What is still there after a call that could not even begin: cffi is missing or does not fit.
  strcpy(error, "the package cffi cannot be used");
  // cffi gives 0 for a call that could not begin, so success is another number.
  if (start(native, kPython.module, kPython.class_name, error, sizeof(error)) != 1) {
    std::string where;
    for (const std::string& folder : folders()) where += (where.empty() ? "" : ", ") + folder;
    *problem = std::string("the Python code of ") + kPlugin.name + " cannot be started: " + error +
               " (looked in " + where + "; FALCOWB_PYTHONPATH names other folders)";
    return nullptr;
  }
  running = true;
  return &python;
}

}  // namespace fwb
