/* config_table - the topology file's schema, config.def compiled into rows.
 *
 * Internal to config*.c. A row says where a key stands, where its value goes in
 * its table's struct, what it may be and what it is when nobody says. A table
 * of which there are several by name (MAP) has 'char *name' as first field. */
#ifndef CAUSEWAY_CONFIG_TABLE_H
#define CAUSEWAY_CONFIG_TABLE_H

#include "config.h"

enum config_table {
#define SECTION(table, heading, help) CONFIG_##table,
#include "config_rows.h"
    CONFIG_TABLE_COUNT
};

enum row_kind { ROW_NUMBER, ROW_TEXT, ROW_CHOICE, ROW_BOOL, ROW_TEXTS, ROW_RULES, ROW_GROUP, ROW_LIST, ROW_MAP };
enum config_unit { UNIT_NONE, UNIT_COUNT, UNIT_PORT, UNIT_BYTES, UNIT_MS, UNIT_SECONDS };

/* What a text must look like: name, the sentence of an error. */
#define CONFIG_FORMS \
    FORM(ANY,         "a text") \
    FORM(NAME,        "letters, digits, '_' and '-', at most 64") \
    FORM(REALM,       "letters, digits, '_', '-' and '.', at most 64") \
    FORM(ADDRESS,     "an IPv4 or IPv6 address such as 127.0.0.1 or ::1") \
    FORM(CIDR,        "an address such as 10.0.0.1 or a network such as 10.0.0.0/8") \
    FORM(URL_PATH,    "a path that begins with '/'") \
    FORM(PREFIX,      "a namespace such as /music: it begins with '/', does not end with it, and has no '*', '#', ',' or '?'") \
    FORM(ENGINE_PATH, "a path that begins and ends with '/', such as /socket.io/") \
    FORM(ORIGIN,      "* or an origin such as https://example.org:8443, with no path") \
    FORM(COOKIE_NAME, "a cookie's name: an HTTP token, such as io") \
    FORM(COOKIE_VALUE, "a text without ';' and control characters") \
    FORM(TOKEN,       "bearer, auth.<key>, query.<key> or cookie.<name>") \
    FORM(REDIS,       "private, none, unix:<path> or tcp:<host>:<port>") \
    FORM(LEVEL,       "error, warn, info or debug") \
    FORM(CURVE_KEY,   "a CURVE public key: 40 characters of Z85") \
    FORM(FILE,        "the name of a file") \
    FORM(DIRECTORY,   "the name of a directory")
enum config_form {
#define FORM(name, text) FORM_##name,
    CONFIG_FORMS
#undef FORM
};

struct config_row {
    enum config_table table;
    enum row_kind     kind;
    const char       *key;          /* dotted, within its table */
    size_t            offset, size; /* of the field */
    const char       *fallback;     /* the default as one would write it; NULL: required. GROUP: that of its port */
    uint64_t          min, max;     /* NUMBER */
    enum config_unit  unit;
    enum config_form  form;         /* TEXT, TEXTS */
    const char       *allowed;      /* CHOICE, TEXTS: "a|b"; RULES: "list": or a list of maps, "text": or a text; or NULL */
    enum config_table sub;          /* GROUP, LIST, MAP */
    size_t            count_offset; /* LIST, MAP */
    const char       *help;
};

extern const struct config_row config_rows[];
extern const size_t config_row_count;
extern const struct config_section { const char *heading, *help; size_t size; } config_sections[CONFIG_TABLE_COUNT];

/* The rows of a table, one after the other: start with NULL, NULL is the end. */
const struct config_row *config_next_row(enum config_table table, const struct config_row *after);

bool config_row_live(const struct config_row *row);     /* does a reload take it over? Rules always: they are the fresh tree's */

/* Every value of the config, with its full key ("listeners.public.port"). */
typedef void config_visit(void *self, const struct config_row *row, const char *key, const void *field);
void config_each(const struct config *c, config_visit *visit, void *self);

struct node *config_find(const struct node *map, struct span key);   /* by dotted key (a number in a list), below a map or NULL; or NULL */

/* A node of the shape that the row wants, of text as it stands in a variable or in a default. */
struct node *config_value_node(const struct config_row *row, const struct node *place, struct span text);

struct span config_rules_shape(const struct config_row *row);       /* "a map" */
/* One value, checked and stored; false, and an error at 'n', where it is not allowed. */
struct config_target { struct config *config; struct buf *errors; };
bool config_value_set(const struct config_target *to, const struct config_row *row, void *field, const struct node *n, const char *key);
void config_value_free(const struct config_row *row, void *field);

void config_print_field(struct buf *out, const struct config_row *row, const char *base);      /* of this table's struct; no GROUP */

bool config_form_fits(enum config_form form, struct span text);
const char *config_form_text(enum config_form form);
bool config_address(const char *text, uint8_t bytes[16]);     /* IPv4 behind ::ffff: */
bool config_address_loopback(const char *address);
bool config_parse_number(enum config_unit unit, struct span text, uint64_t *n);     /* saturates */
void config_print_number(struct buf *out, enum config_unit unit, uint64_t n);       /* as one would write it: "64 MiB" */

/* The name that is nearest to 'typed', or NULL where none is near. Ask with each candidate; best starts as { 0 }. */
struct config_guess { const char *name; size_t len; unsigned distance; };
void config_guess(struct config_guess *best, struct span typed, struct span candidate);

unsigned config_bus_port(const struct config *c, unsigned role, unsigned number);
unsigned config_plane_port(const struct config *c, const struct config_plane *plane, unsigned number);

/* The outside sockets, with their names. */
struct config_plane_at { const char *name; const struct config_plane *plane; };
#define CONFIG_PLANES 6
void config_planes(const struct config *c, struct config_plane_at at[CONFIG_PLANES]);

/* What needs more than one value: errors, and warnings into the config's own. config_check_ports: nobody binds what another binds. */
void config_find_prefixes(struct config *c);    /* whose clients each namespace is for: by the longest listener's prefix */
void config_check(struct config *c, struct buf *errors);
void config_check_ports(const struct config *c, struct buf *errors);

/* The node that says this, or the nearest one around it: keys from the root, then NULL. */
const struct node *config_place(const struct config *c, ...);

#endif
