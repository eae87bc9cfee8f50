/**
 * The polyfill that @peculiar/x509 needs before its own first line. A module of its own: a bundler runs modules in the
 * order of their imports, but a CommonJS package such as the polyfill only after them.
 *
 * @module
 */
import "reflect-metadata";
