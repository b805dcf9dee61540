/*
 * A foreign structure as a union of the few fields that matter, each at its offset:
 *
 *     typedef union { FIELD(4, uint32_t, width); FIELD(8, uint32_t, height); } Size;
 */
#ifndef FIELDS_H
#define FIELDS_H

#include <stdint.h>

#define FIELD(offset, Type, name) \
    struct __attribute__((packed)) { \
        uint8_t before_##name[offset]; \
        Type name; \
    }

#endif
