/* PTX operands as C expressions, and the taking apart of operand lists. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ptx_output.h"

void put(Output *out, const char *format, ...)
{
    va_list arguments;
    if (out->capacity - out->length < 4096) {
        out->capacity = out->capacity * 2 + 65536;
        out->text = realloc(out->text, out->capacity);
    }
    va_start(arguments, format);
    out->length += vsnprintf(out->text + out->length, 4096, format, arguments);
    va_end(arguments);
}

static char *expression(Output *out)
{
    return out->expressions[out->next_expression++ % 64];
}

int bits_of(const char *type)
{
    return atoi(type + 1);
}

bool is_float(const char *type)
{
    return *type == 'f';
}

const char *c_type(const char *type)
{
    bool is_signed = *type == 's';
    switch (bits_of(type)) {
    case 8: return is_signed ? "int8_t" : "uint8_t";
    case 16: return is_signed ? "int16_t" : "uint16_t";
    case 32: return is_signed ? "int32_t" : "uint32_t";
    case 64: return is_signed ? "int64_t" : "uint64_t";
    default: return "_Bool"; /* pred */
    }
}

static const struct { const char *ptx, *c; } special_registers[] = {
    {"%tid.x", "thread[0]"}, {"%tid.y", "thread[1]"}, {"%tid.z", "thread[2]"},
    {"%ctaid.x", "block[0]"}, {"%ctaid.y", "block[1]"}, {"%ctaid.z", "block[2]"},
    {"%ntid.x", "size->block[0]"}, {"%ntid.y", "size->block[1]"}, {"%ntid.z", "size->block[2]"},
    {"%nctaid.x", "size->grid[0]"}, {"%nctaid.y", "size->grid[1]"}, {"%nctaid.z", "size->grid[2]"},
};

static const char *special_register(const char *name)
{
    for (size_t i = 0; i < sizeof special_registers / sizeof *special_registers; i++)
        if (!strcmp(name, special_registers[i].ptx))
            return special_registers[i].c;
    return NULL;
}

/* An operand's bits: a register, a number, or the address of a parameter or of a variable of the module. */
const char *bits(Output *out, const char *operand)
{
    size_t name = strlen(out->entry);
    char *c = expression(out);

    if (*operand == '%') {
        const char *special = special_register(operand);
        if (special)
            return special;
        snprintf(c, EXPRESSION, "%s", operand + 1);
    } else if (operand[0] == '0' && strchr("fF", operand[1]) && operand[1]) {
        snprintf(c, EXPRESSION, "0x%su", operand + 2);
    } else if (!strncmp(operand, out->entry, name) && !strncmp(operand + name, "_param_", 7)) {
        snprintf(c, EXPRESSION, "(uint64_t)(uintptr_t)parameters[%s]", operand + name + 7);
    } else if (isalpha((unsigned char)*operand) || *operand == '_' || *operand == '$') {
        snprintf(c, EXPRESSION, "(uint64_t)(uintptr_t)module_%s", operand);
    } else {
        snprintf(c, EXPRESSION, "(%s)", operand);
    }
    return c;
}

/* An operand as the instruction's type understands it. */
const char *typed(Output *out, const char *operand, const char *type)
{
    char *c = expression(out);
    if (is_float(type))
        snprintf(c, EXPRESSION, "as_float(%s)", bits(out, operand));
    else
        snprintf(c, EXPRESSION, "(%s)%s", c_type(type), bits(out, operand));
    return c;
}

/* "[%rd1+4]" */
const char *address(Output *out, const char *operand)
{
    char base[EXPRESSION], *c = expression(out);
    snprintf(base, sizeof base, "%s", operand + 1);
    base[strcspn(base, "]")] = 0;
    char *plus = strrchr(base, '+');
    if (plus)
        *plus = 0;
    snprintf(c, EXPRESSION, "%s + %s", bits(out, base), plus ? plus + 1 : "0");
    return c;
}

char *trimmed(char *start, char *end)
{
    while (isspace((unsigned char)*start))
        start++;
    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    *end = 0;
    return start;
}

/* Cuts at the commas that stand outside of brackets. */
int split_operands(char *text, char **operands)
{
    int count = 0, depth = 0;
    if (!*text)
        return 0;
    for (char *start = text;; text++) {
        bool at_end = !*text;
        depth += *text && strchr("{[(", *text) ? 1 : 0;
        depth -= *text && strchr("}])", *text) ? 1 : 0;
        if (!at_end && !(*text == ',' && !depth))
            continue;
        operands[count++] = trimmed(start, text);
        start = text + 1;
        if (at_end || count == MOST)
            return count;
    }
}

/* "{%r1, %r2}" gives two, "%r1" gives itself. */
int elements(char *operand, char **each)
{
    if (*operand != '{') {
        each[0] = operand;
        return 1;
    }
    operand[strcspn(operand, "}")] = 0;
    return split_operands(operand + 1, each);
}
