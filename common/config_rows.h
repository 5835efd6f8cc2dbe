/* config_rows - config.def, with the row macros that the includer defined; the
 * others are nothing. Undefines them all. Meant to be included more than once. */
#ifndef SECTION
#define SECTION(...)
#endif
#ifndef NUMBER
#define NUMBER(...)
#endif
#ifndef TEXT
#define TEXT(...)
#endif
#ifndef CHOICE
#define CHOICE(...)
#endif
#ifndef BOOL
#define BOOL(...)
#endif
#ifndef TEXTS
#define TEXTS(...)
#endif
#ifndef ITEMS
#define ITEMS(...)
#endif
#ifndef RULES
#define RULES(...)
#endif
#ifndef RULES_TEXT
#define RULES_TEXT(...)
#endif
#ifndef GROUP
#define GROUP(...)
#endif
#ifndef LIST
#define LIST(...)
#endif
#ifndef MAP
#define MAP(...)
#endif
#ifndef LIVE
#define LIVE(...)
#endif
#include "config.def"
#undef SECTION
#undef NUMBER
#undef TEXT
#undef CHOICE
#undef BOOL
#undef TEXTS
#undef RULES
#undef ITEMS
#undef RULES_TEXT
#undef GROUP
#undef LIST
#undef MAP
#undef LIVE
