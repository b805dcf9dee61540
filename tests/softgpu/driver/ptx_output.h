/* Shared by the three parts of the translator: the C that is being written, and an instruction taken apart. */
#ifndef PTX_OUTPUT_H
#define PTX_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

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

void put(Output *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ptx_operands.c. The expressions live until some dozens more are made, longer than any one statement needs. */
int bits_of(const char *type);
bool is_float(const char *type);
const char *c_type(const char *type);
const char *bits(Output *out, const char *operand);
const char *typed(Output *out, const char *operand, const char *type);
const char *address(Output *out, const char *operand);
char *trimmed(char *start, char *end);
int split_operands(char *text, char **operands);
int elements(char *operand, char **each);

/* ptx_instructions.c: false for an instruction that is not known here. */
bool write_instruction(Output *out, Instruction *in);

#endif
