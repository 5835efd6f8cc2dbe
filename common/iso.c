#include "iso.h"

enum { DAY_MS = 86400000, DAYS_TO_1970 = 719468 };      /* from a first of March, year 0 */
enum { ERAS_BEFORE = 700 };     /* of 400 years: then no number below is negative */

static char *put_digits(char *at, uint64_t n, int digits)
{
    for (int i = digits; i-- > 0; n /= 10) at[i] = (char)('0' + n % 10);
    return at + digits;
}

static char *put_year(char *at, int64_t year)
{
    if (year >= 0 && year <= 9999) return put_digits(at, (uint64_t)year, 4);
    *at++ = year < 0 ? '-' : '+';
    return put_digits(at, (uint64_t)(year < 0 ? -year : year), 6);
}

/* Days to a date of the Gregorian calendar, counting years from March. */
struct span iso_date(char text[ISO_LENGTH_MAX], int64_t ms)
{
    const uint64_t era_days = 146097;
    uint64_t shifted = (uint64_t)(ms + (int64_t)(DAYS_TO_1970 + ERAS_BEFORE * era_days) * DAY_MS);
    uint64_t days = shifted / DAY_MS, left = shifted % DAY_MS, era = days / era_days, day = days % era_days;
    uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    uint64_t of_year = day - (365 * year + year / 4 - year / 100);
    uint64_t march = (5 * of_year + 2) / 153, month = march < 10 ? march + 3 : march - 9;
    char *at = put_year(text, (int64_t)(year + era * 400 + (month <= 2)) - ERAS_BEFORE * 400);
    *at++ = '-', at = put_digits(at, month, 2);
    *at++ = '-', at = put_digits(at, of_year - (153 * march + 2) / 5 + 1, 2);
    *at++ = 'T', at = put_digits(at, left / 3600000, 2);
    *at++ = ':', at = put_digits(at, left / 60000 % 60, 2);
    *at++ = ':', at = put_digits(at, left / 1000 % 60, 2);
    *at++ = '.', at = put_digits(at, left % 1000, 3);
    *at++ = 'Z';
    return span_from(text, (size_t)(at - text));
}
