#include "cookie.h"

#include "http1.h"

void cookie_add(struct buf *fields, const struct config_cookie *c, struct span sid)
{
    static const char *const same_site[] = {
        [CONFIG_SAME_SITE_LAX] = "; SameSite=Lax", [CONFIG_SAME_SITE_STRICT] = "; SameSite=Strict",
        [CONFIG_SAME_SITE_NONE] = "; SameSite=None", [CONFIG_SAME_SITE_UNSET] = "" };
    if (!c->name[0]) return;
    struct buf text = { 0 };
    buf_add_format(&text, "%s=%.*s", c->name, (int)sid.len, sid.ptr);
    if (c->max_age_s) buf_add_format(&text, "; Max-Age=%u", c->max_age_s);
    if (c->domain[0]) buf_add_format(&text, "; Domain=%s", c->domain);
    if (c->path[0]) buf_add_format(&text, "; Path=%s", c->path);
    if (c->http_only) buf_add_literal(&text, "; HttpOnly");
    if (c->secure) buf_add_literal(&text, "; Secure");
    buf_add(&text, span_of(same_site[c->same_site]));
    http1_add(fields, SPAN("Set-Cookie"), buf_span(&text));
    buf_fini(&text);
}
