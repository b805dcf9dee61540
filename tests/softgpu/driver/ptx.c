/*
 * One PTX kernel becomes one C function.
 *
 *     .reg .b32 %r<3>;                        uint32_t r0, r1, r2;
 *     @%p1 bra $L__BB0_2;                     if (p1) goto L__BB0_2;
 *     add.s32 %r1, %r2, 7;           ->       r1 = (int32_t)r2 + (int32_t)(7);
 *     fma.rn.f32 %f1, %f2, %f3, %f1;          f1 = as_bits(fmaf(as_float(f2), as_float(f3), as_float(f1)));
 *     ld.global.u8 %rs1, [%rd1+4];            rs1 = AT(uint8_t, rd1 + 4);
 *
 * That is the straight subset that clang emits for image filters: no calls, no shared memory, no barriers. A statement
 * outside of it is refused by name, never guessed. The outer loops over blocks and threads take the place of the grid.
 */
#include "ptx.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

enum { MOST = 8, EXPRESSION = 200 };

typedef struct {
    const char *entry;
    char *text;
    size_t length, capacity;
    char expressions[64][EXPRESSION]; /* a ring: one statement uses far fewer */
    int next_expression;
} Output;

typedef struct {
    char *parts[MOST]; /* "cvt", "rzi", "u8", "f32" */
    int part_count;
    char *operands[MOST];
    int operand_count;
    const char *type; /* the last part */
} Instruction;

static void put(Output *out, const char *format, ...)
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

static int bits_of(const char *type)
{
    return atoi(type + 1);
}

static bool is_float(const char *type)
{
    return *type == 'f';
}

static const char *c_type(const char *type)
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
static const char *bits(Output *out, const char *operand)
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
static const char *typed(Output *out, const char *operand, const char *type)
{
    char *c = expression(out);
    snprintf(c, EXPRESSION, is_float(type) ? "as_float(%s)" : "(%s)%s", is_float(type) ? bits(out, operand) : c_type(type),
             bits(out, operand));
    return c;
}

/* "[%rd1+4]" */
static const char *address(Output *out, const char *operand)
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

static char *trimmed(char *start, char *end)
{
    while (isspace((unsigned char)*start))
        start++;
    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    *end = 0;
    return start;
}

/* Cuts at the commas that stand outside of brackets. */
static int split_operands(char *text, char **operands)
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
static int elements(char *operand, char **each)
{
    if (*operand != '{') {
        each[0] = operand;
        return 1;
    }
    operand[strcspn(operand, "}")] = 0;
    return split_operands(operand + 1, each);
}

static bool write_load(Output *out, Instruction *in)
{
    char *targets[MOST];
    int count = elements(in->operands[0], targets), bytes = bits_of(in->type) / 8;
    const char *type = c_type(in->type), *from = address(out, in->operands[1]);
    put(out, "{ ");
    for (int i = 0; i < count; i++) /* all loads before the first store: a target may be the address */
        put(out, "%s v%d = AT(%s, %s + %d); ", type, i, type, from, i * bytes);
    for (int i = 0; i < count; i++)
        if (targets[i][0] != '_')
            put(out, "%s = v%d; ", bits(out, targets[i]), i);
    put(out, "}\n");
    return true;
}

static bool write_store(Output *out, Instruction *in)
{
    char *sources[MOST];
    int count = elements(in->operands[1], sources), bytes = bits_of(in->type) / 8;
    put(out, "{ ");
    for (int i = 0; i < count; i++)
        put(out, "AT(%s, %s + %d) = %s; ", c_type(in->type), address(out, in->operands[0]), i * bytes,
            bits(out, sources[i]));
    put(out, "}\n");
    return true;
}

static bool write_atomic_add(Output *out, Instruction *in)
{
    bool gives_old = !strcmp(in->parts[0], "atom");
    if (in->part_count < 3 || strcmp(in->parts[in->part_count - 2], "add"))
        return false;
    if (gives_old)
        put(out, "%s = ", bits(out, in->operands[0]));
    put(out, "__sync_fetch_and_add(&AT(%s, %s), %s);\n", c_type(in->type), address(out, in->operands[gives_old]),
        bits(out, in->operands[gives_old + 1]));
    return true;
}

/* tex.2d.v4.u32.f32 {d0, d1, d2, d3}, [texture, {x, y}]; the first type is the result's, the second the coordinates'. */
static bool write_texture(Output *out, Instruction *in)
{
    char *targets[MOST], *inside[MOST], *at[MOST];
    if (in->part_count < 5 || strcmp(in->parts[1], "2d") || strcmp(in->type, "f32"))
        return false;
    int count = elements(in->operands[0], targets);
    in->operands[1][strlen(in->operands[1]) - 1] = 0;
    if (split_operands(in->operands[1] + 1, inside) != 2 || elements(inside[1], at) < 2)
        return false;
    put(out, "{ uint64_t texture = %s; uint32_t x = %s, y = %s; ", bits(out, inside[0]), bits(out, at[0]),
        bits(out, at[1]));
    for (int i = 0; i < count; i++)
        if (targets[i][0] != '_')
            put(out, "%s = %s(texture, x, y, %d); ", bits(out, targets[i]),
                is_float(in->parts[3]) ? "texture_float" : "texture_integer", i);
    put(out, "}\n");
    return true;
}

static bool write_move(Output *out, Instruction *in)
{
    char *each[MOST];
    if (*in->operands[1] == '{') { /* pack */
        int count = elements(in->operands[1], each);
        put(out, "%s = 0", bits(out, in->operands[0]));
        for (int i = 0; i < count; i++)
            put(out, " | (uint64_t)%s << %d", bits(out, each[i]), i * bits_of(in->type) / count);
        put(out, ";\n");
    } else if (*in->operands[0] == '{') { /* unpack */
        int count = elements(in->operands[0], each);
        put(out, "{ uint64_t whole = %s; ", bits(out, in->operands[1]));
        for (int i = 0; i < count; i++)
            if (each[i][0] != '_')
                put(out, "%s = whole >> %d; ", bits(out, each[i]), i * bits_of(in->type) / count);
        put(out, "}\n");
    } else {
        put(out, "%s = %s;\n", bits(out, in->operands[0]), bits(out, in->operands[1]));
    }
    return true;
}

static const char *rounding(const Instruction *in, bool *saturates)
{
    const char *mode = "";
    for (int i = 1; i < in->part_count - 2; i++)
        if (!strcmp(in->parts[i], "sat"))
            *saturates = true;
        else if (in->parts[i][0] == 'r')
            mode = in->parts[i];
    return !strcmp(mode, "rmi") ? "floorf" : !strcmp(mode, "rpi") ? "ceilf" : !strcmp(mode, "rni") ? "rintf"
         : !strcmp(mode, "rzi") ? "truncf" : "";
}

static bool write_convert(Output *out, Instruction *in)
{
    bool saturates = false;
    if (in->part_count < 3)
        return false;
    const char *to = in->parts[in->part_count - 2], *from = in->type, *round = rounding(in, &saturates);
    const char *target = bits(out, in->operands[0]), *source = typed(out, in->operands[1], from);
    if ((is_float(to) && bits_of(to) != 32) || (is_float(from) && bits_of(from) != 32))
        return false;
    int width = bits_of(to) == 64 ? 63 : bits_of(to);
    int64_t lowest = *to == 's' ? -(1ll << (width - 1)) : 0;
    int64_t highest = *to == 's' ? (1ll << (width - 1)) - 1 : (int64_t)((1ull << width) - 1);

    if (is_float(to))
        put(out, "%s = as_bits(%s((float)%s(%s)));\n", target, saturates ? "saturate" : "", is_float(from) ? round : "",
            source);
    else if (is_float(from))
        put(out, "%s = (%s)to_integer(%s(%s), %lldll, %lldll);\n", target, c_type(to), round, source, (long long)lowest,
            (long long)highest);
    else if (saturates)
        put(out, "%s = (%s)clip(%s, %lldll, %lldll);\n", target, c_type(to), source, (long long)lowest,
            (long long)highest);
    else
        put(out, "%s = (%s)%s;\n", target, c_type(to), source);
    return true;
}

static const struct { const char *ptx, *c; } comparisons[] = {
    {"eq", "=="}, {"ne", "!="}, {"lt", "<"}, {"le", "<="}, {"gt", ">"}, {"ge", ">="},
    {"lo", "<"}, {"ls", "<="}, {"hi", ">"}, {"hs", ">="},
};

/* The unordered comparisons end in u and hold also when one side is not a number. */
static bool write_compare(Output *out, Instruction *in)
{
    bool unordered = is_float(in->type) && strlen(in->parts[1]) == 3;
    if (in->part_count != 3)
        return false;
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
        if (strncmp(in->parts[1], comparisons[i].ptx, 2))
            continue;
        const char *a = typed(out, in->operands[1], in->type), *b = typed(out, in->operands[2], in->type);
        put(out, "%s = %s %s %s", bits(out, in->operands[0]), a, comparisons[i].c, b);
        put(out, unordered ? " || %s != %s || %s != %s;\n" : ";\n", a, a, b, b);
        return true;
    }
    return false;
}

static bool write_select(Output *out, Instruction *in)
{
    put(out, "%s = %s ? %s : %s;\n", bits(out, in->operands[0]), bits(out, in->operands[3]), bits(out, in->operands[1]),
        bits(out, in->operands[2]));
    return true;
}

static void assign(Output *out, const Instruction *in, const char *value)
{
    put(out, is_float(in->type) ? "%s = as_bits(%s);\n" : "%s = %s;\n", bits(out, in->operands[0]), value);
}

static const char *operand(Output *out, const Instruction *in, int index)
{
    return index < in->operand_count ? typed(out, in->operands[index], in->type) : "";
}

/* mul and mad on integers come as .lo, .hi and .wide, which has a result of twice the width. */
static bool write_product(Output *out, Instruction *in)
{
    bool adds = in->operand_count == 4, hi = !strcmp(in->parts[1], "hi"), wide = !strcmp(in->parts[1], "wide");
    char type[8], value[3 * EXPRESSION];
    const char *a = operand(out, in, 1), *b = operand(out, in, 2);
    if (is_float(in->type)) {
        snprintf(value, sizeof value, adds ? "fmaf(%s, %s, %s)" : "%s * %s", a, b, operand(out, in, 3));
        assign(out, in, value);
        return true;
    }
    if ((hi || wide) && bits_of(in->type) == 64)
        return false;
    snprintf(type, sizeof type, "%c%d", *in->type, hi || wide ? 2 * bits_of(in->type) : bits_of(in->type));
    put(out, "%s = (((%s)%s * (%s)%s) >> %d)", bits(out, in->operands[0]), c_type(type), a, c_type(type), b,
        hi ? bits_of(in->type) : 0);
    put(out, adds ? " + %s;\n" : ";\n", adds ? bits(out, in->operands[3]) : "");
    return true;
}

/* A shift by the width or more is defined: nothing is left, or only the sign. */
static bool write_shift(Output *out, Instruction *in)
{
    int width = bits_of(in->type);
    const char *target = bits(out, in->operands[0]), *a = operand(out, in, 1), *by = bits(out, in->operands[2]);
    if (!strcmp(in->parts[0], "shl"))
        put(out, "%s = (uint32_t)%s >= %d ? 0 : %s << %s;\n", target, by, width, a, by);
    else if (*in->type == 's')
        put(out, "%s = %s >> ((uint32_t)%s >= %d ? %d : %s);\n", target, a, by, width, width - 1, by);
    else
        put(out, "%s = (uint32_t)%s >= %d ? 0 : %s >> %s;\n", target, by, width, a, by);
    return true;
}

static bool write_extreme(Output *out, Instruction *in)
{
    char value[5 * EXPRESSION];
    const char *a = operand(out, in, 1), *b = operand(out, in, 2);
    if (is_float(in->type))
        snprintf(value, sizeof value, "f%sf(%s, %s)", in->parts[0], a, b);
    else
        snprintf(value, sizeof value, "%s %c %s ? %s : %s", a, in->parts[0][1] == 'i' ? '<' : '>', b, a, b);
    assign(out, in, value);
    return true;
}

/* Instructions whose C is one expression: %1$s, %2$s, %3$s are the operands as the type reads them. */
static const struct { const char *name, *integer, *floating, *predicate; } one_expression[] = {
    {"add", "%1$s + %2$s", "%1$s + %2$s", NULL},
    {"sub", "%1$s - %2$s", "%1$s - %2$s", NULL},
    {"div", "%1$s / %2$s", "%1$s / %2$s", NULL},
    {"rem", "%1$s %% %2$s", NULL, NULL},
    {"and", "%1$s & %2$s", NULL, "%1$s & %2$s"},
    {"or", "%1$s | %2$s", NULL, "%1$s | %2$s"},
    {"xor", "%1$s ^ %2$s", NULL, "%1$s ^ %2$s"},
    {"not", "~%1$s", NULL, "!%1$s"},
    {"neg", "-%1$s", "-%1$s", NULL},
    {"abs", "%1$s < 0 ? -%1$s : %1$s", "fabsf(%1$s)", NULL},
    {"fma", NULL, "fmaf(%1$s, %2$s, %3$s)", NULL},
    {"sqrt", NULL, "sqrtf(%1$s)", NULL},
    {"rsqrt", NULL, "1.0f / sqrtf(%1$s)", NULL},
    {"rcp", NULL, "1.0f / %1$s", NULL},
    {"sin", NULL, "sinf(%1$s)", NULL},
    {"cos", NULL, "cosf(%1$s)", NULL},
    {"ex2", NULL, "exp2f(%1$s)", NULL},
    {"lg2", NULL, "log2f(%1$s)", NULL},
    {"prmt", "permute_bytes(%1$s, %2$s, %3$s)", NULL, NULL},
    {"cvta", "%1$s", NULL, NULL},
};

static bool write_one_expression(Output *out, Instruction *in)
{
    char value[4 * EXPRESSION];
    for (size_t i = 0; i < sizeof one_expression / sizeof *one_expression; i++) {
        if (strcmp(in->parts[0], one_expression[i].name))
            continue;
        const char *form = is_float(in->type) ? one_expression[i].floating
                         : *in->type == 'p' ? one_expression[i].predicate : one_expression[i].integer;
        if (!form)
            return false;
        snprintf(value, sizeof value, form, operand(out, in, 1), operand(out, in, 2), operand(out, in, 3));
        assign(out, in, value);
        return true;
    }
    return false;
}

static bool write_bit_field(Output *out, Instruction *in)
{
    if (strcmp(in->type, "u32"))
        return false;
    put(out, "%s = bit_field(%s, %s, %s);\n", bits(out, in->operands[0]), bits(out, in->operands[1]),
        bits(out, in->operands[2]), bits(out, in->operands[3]));
    return true;
}

static bool write_branch(Output *out, Instruction *in)
{
    put(out, "goto %s;\n", in->operands[0] + (*in->operands[0] == '$'));
    return true;
}

static bool write_return(Output *out, Instruction *in)
{
    (void)in;
    put(out, "goto thread_done;\n");
    return true;
}

static const struct { const char *name; int operands; bool (*write)(Output *, Instruction *); } instructions[] = {
    {"ret", 0, write_return}, {"exit", 0, write_return}, {"bra", 1, write_branch},
    {"ld", 2, write_load}, {"st", 2, write_store}, {"atom", 3, write_atomic_add}, {"red", 2, write_atomic_add},
    {"tex", 2, write_texture}, {"mov", 2, write_move}, {"cvt", 2, write_convert}, {"setp", 3, write_compare},
    {"selp", 4, write_select}, {"mul", 3, write_product}, {"mad", 4, write_product}, {"shl", 3, write_shift},
    {"shr", 3, write_shift}, {"min", 3, write_extreme}, {"max", 3, write_extreme}, {"bfe", 4, write_bit_field},
};

static bool write_instruction(Output *out, Instruction *in)
{
    for (size_t i = 0; i < sizeof instructions / sizeof *instructions; i++)
        if (!strcmp(in->parts[0], instructions[i].name))
            return in->operand_count == instructions[i].operands && instructions[i].write(out, in);
    return in->operand_count >= 2 && write_one_expression(out, in);
}

/* ".reg .b32 %r<10>;" declares r0 to r9. */
static bool write_registers(Output *out, const char *statement)
{
    char type[16], name[32];
    int count;
    if (sscanf(statement, ".reg .%15s %%%31[a-z]<%d>", type, name, &count) != 3)
        return false;
    put(out, "%s ", c_type(type));
    for (int i = 0; i < count; i++)
        put(out, "%s%d%s", name, i, i + 1 < count ? ", " : ";\n");
    return true;
}

static bool write_statement(Output *out, char *statement)
{
    Instruction in = {0};
    if (!strncmp(statement, ".reg", 4))
        return write_registers(out, statement);
    if (!strncmp(statement, ".pragma", 7) || !strncmp(statement, ".loc", 4))
        return true;
    if (*statement == '@') {
        char *guard = strtok_r(statement, " \t", &statement);
        bool negated = guard[1] == '!';
        put(out, "if (%s%s) ", negated ? "!" : "", bits(out, guard + 1 + negated));
        statement = trimmed(statement, statement + strlen(statement));
    }
    char *operands = statement + strcspn(statement, " \t");
    if (*operands)
        *operands++ = 0;
    for (char *rest = statement, *part; in.part_count < MOST && (part = strsep(&rest, "."));)
        in.parts[in.part_count++] = part;
    in.type = in.parts[in.part_count - 1];
    in.operand_count = split_operands(trimmed(operands, operands + strlen(operands)), in.operands);
    return write_instruction(out, &in);
}

static char *skip_space(char *at)
{
    for (;; at += strcspn(at, "\n")) {
        while (isspace((unsigned char)*at))
            at++;
        if (strncmp(at, "//", 2))
            return at;
    }
}

static bool write_body(Output *out, char *body)
{
    char statement[1000], original[1000];
    for (char *at = skip_space(body); *at; at = skip_space(at)) {
        size_t length = strcspn(at, ";:\n");
        if (at[length] == ':') {
            put(out, "%.*s: ;\n", (int)(length - (*at == '$')), at + (*at == '$'));
            at += length + 1;
            continue;
        }
        length = strcspn(at, ";");
        snprintf(statement, sizeof statement, "%.*s", (int)length, at);
        for (char *c = statement; *c; c++)
            *c = *c == '\n' ? ' ' : *c;
        strcpy(original, statement);
        if (!write_statement(out, statement)) {
            trace("complaint kernel %s: no translation for %.120s", out->entry, original);
            fprintf(stderr, "softgpu: kernel %s holds PTX that is not translated: %.120s\n", out->entry, original);
            return false;
        }
        at += length + (at[length] == ';');
    }
    return true;
}

/* ".global .align 4 .b8 name[8] = {0, 1, ...};", perhaps with .visible or the like before it. */
static void write_module_variables(Output *out, const char *module)
{
    char line[1200], name[100], values[1000];
    int count;
    for (const char *at = module; *at; at += strcspn(at, "\n") + (at[strcspn(at, "\n")] != 0)) {
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        const char *array = strstr(line, " .b8 ");
        if (array && (strstr(line, ".global ") || strstr(line, ".const ")) &&
            sscanf(array, " .b8 %99[A-Za-z0-9_$][%d] = {%999[^}]}", name, &count, values) == 3)
            put(out, "static uint8_t module_%s[%d] __attribute__((aligned(16))) = {%s};\n", name, count, values);
    }
}

const char *ptx_entry(const char *module, const char *name)
{
    char head[300];
    snprintf(head, sizeof head, ".entry %s(", name);
    return strstr(module, head);
}

char *ptx_to_c(const char *module, const char *name)
{
    const char *entry = ptx_entry(module, name), *open = entry ? strchr(entry, '{') : NULL;
    const char *close = open ? strstr(open, "\n}") : NULL;
    if (!close)
        return NULL;
    Output out = {.entry = name};
    char *body = strndup(open + 1, close - open - 1);

    put(&out, "#include \"kernel.h\"\n");
    write_module_variables(&out, module);
    put(&out, "void kernel(void **parameters, const Dimensions *size)\n{\nunsigned block[3], thread[3];\n");
    for (int axis = 2; axis >= 0; axis--)
        put(&out, "for (block[%d] = 0; block[%d] < size->grid[%d]; block[%d]++)\n", axis, axis, axis, axis);
    for (int axis = 2; axis >= 0; axis--)
        put(&out, "for (thread[%d] = 0; thread[%d] < size->block[%d]; thread[%d]++)\n", axis, axis, axis, axis);
    put(&out, "{\n");
    bool complete = write_body(&out, body);
    put(&out, "thread_done: ;\n}\n}\n");
    free(body);
    if (complete)
        return out.text;
    free(out.text);
    return NULL;
}
