/*
 * One PTX kernel becomes one C function.
 *
 *     .reg .b32 %r<3>;                        uint32_t r0, r1, r2;
 *     @%p1 bra $L__BB0_2;                     if (p1) goto L__BB0_2;
 *     add.s32 %r1, %r2, 7;           ->       r1 = (int32_t)r2 + (int32_t)(7);
 *     fma.rn.f32 %f1, %f2, %f3, %f1;          f1 = as_bits(fmaf(as_float(f2), as_float(f3), as_float(f1)));
 *     ld.global.u8 %rs1, [%rd1+4];            rs1 = AT(uint8_t, rd1 + 4);
 *
 * That is the straight subset that clang emits for image filters: no calls, no shared memory, no barriers. A
 * statement outside of it is refused by name, never guessed. Outer loops over blocks and threads take the place of
 * the grid.
 */
#include "ptx.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "ptx_output.h"

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
