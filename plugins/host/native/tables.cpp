// The state tables handed to plugins: none are served, and every function says so without crashing.
// A plugin may keep these pointers for as long as it lives, so they are constants.
#include "library.hpp"

namespace {

ss_plugin_table_info* list_tables(ss_plugin_owner_t*, uint32_t* count) {
  if (count) *count = 0;
  return nullptr;
}

ss_plugin_table_t* get_table(ss_plugin_owner_t* owner, const char* name, ss_plugin_state_type) {
  if (owner && name)
    static_cast<fh_library*>(owner)->owner_error =
        "there is no state table '" + std::string(name).substr(0, 200) +
        "': this host serves no state tables";
  return nullptr;
}

ss_plugin_rc add_table(ss_plugin_owner_t* owner, const ss_plugin_table_input*) {
  if (owner)
    static_cast<fh_library*>(owner)->owner_error = "this host keeps no state tables";
  return SS_PLUGIN_FAILURE;
}

const ss_plugin_table_fieldinfo* list_fields(ss_plugin_table_t*, uint32_t* count) {
  if (count) *count = 0;
  return nullptr;
}
ss_plugin_table_field_t* no_field(ss_plugin_table_t*, const char*, ss_plugin_state_type) {
  return nullptr;
}
const char* table_name(ss_plugin_table_t*) { return nullptr; }
uint64_t table_size(ss_plugin_table_t*) { return 0; }
ss_plugin_table_entry_t* no_entry(ss_plugin_table_t*, const ss_plugin_state_data*) {
  return nullptr;
}
ss_plugin_rc read_field(ss_plugin_table_t*, ss_plugin_table_entry_t*,
                        const ss_plugin_table_field_t*, ss_plugin_state_data*) {
  return SS_PLUGIN_FAILURE;
}
void release_entry(ss_plugin_table_t*, ss_plugin_table_entry_t*) {}
ss_plugin_bool iterate(ss_plugin_table_t*, ss_plugin_table_iterator_func_t,
                       ss_plugin_table_iterator_state_t*) {
  return 0;
}
ss_plugin_rc clear(ss_plugin_table_t*) { return SS_PLUGIN_FAILURE; }
ss_plugin_rc erase(ss_plugin_table_t*, const ss_plugin_state_data*) { return SS_PLUGIN_FAILURE; }
ss_plugin_table_entry_t* create(ss_plugin_table_t*) { return nullptr; }
ss_plugin_table_entry_t* add_entry(ss_plugin_table_t*, const ss_plugin_state_data*,
                                   ss_plugin_table_entry_t*) {
  return nullptr;
}
ss_plugin_rc write_field(ss_plugin_table_t*, ss_plugin_table_entry_t*,
                         const ss_plugin_table_field_t*, const ss_plugin_state_data*) {
  return SS_PLUGIN_FAILURE;
}

ss_plugin_table_fields_vtable_ext fields_table = {list_fields, no_field, no_field};
ss_plugin_table_reader_vtable_ext reader_table = {table_name, table_size,    no_entry,
                                                  read_field, release_entry, iterate};
ss_plugin_table_writer_vtable_ext writer_table = {clear,         erase,     create,
                                                  release_entry, add_entry, write_field};

const ss_plugin_init_tables_input init_tables = {
    list_tables, get_table, add_table, fields_table, &fields_table, &reader_table, &writer_table};

}  // namespace

namespace falcowb {

const ss_plugin_init_tables_input* no_tables() { return &init_tables; }

ss_plugin_table_reader_vtable no_reader() { return {table_name, table_size, no_entry, read_field}; }

ss_plugin_table_reader_vtable_ext* no_reader_ext() { return &reader_table; }

}  // namespace falcowb
