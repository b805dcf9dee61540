/* One PTX instruction as one line of C. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ptx_output.h"

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

/* tex.2d.v4.u32.f32 {d0, d1, d2, d3}, [texture, {x, y}]: the type of the results, then that of the coordinates. */
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
        put(out, "%s = as_bits(%s((float)%s(%s)));\n", target, saturates ? "saturate" : "",
            is_float(from) ? round : "", source);
    else if (is_float(from))
        put(out, "%s = (%s)to_integer(%s(%s), %lldll, %lldll);\n", target, c_type(to), round, source,
            (long long)lowest, (long long)highest);
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
    put(out, "%s = %s ? %s : %s;\n", bits(out, in->operands[0]), bits(out, in->operands[3]),
        bits(out, in->operands[1]), bits(out, in->operands[2]));
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

bool write_instruction(Output *out, Instruction *in)
{
    for (size_t i = 0; i < sizeof instructions / sizeof *instructions; i++)
        if (!strcmp(in->parts[0], instructions[i].name))
            return in->operand_count == instructions[i].operands && instructions[i].write(out, in);
    return in->operand_count >= 2 && write_one_expression(out, in);
}
