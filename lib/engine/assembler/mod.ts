/**
 * A small assembler of WebAssembly: modules are written down as expressions that read like the arithmetic that they do, and
 * become bytes in milliseconds, once a process.
 *
 * @module
 */
export { hasWideArithmetic } from "./features.ts";
export { Fn, Label, Local32, Local64 } from "./function.ts";
export { type Callable, Module } from "./module.ts";
export { type Procedure, procedure, type Question, question } from "./procedure.ts";
export { I32, I64, type Int, Pointer, select, Type, type Word } from "./values.ts";
export { Arithmetic, Wide } from "./wide.ts";
