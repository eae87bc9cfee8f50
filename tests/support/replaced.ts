/** Bugs that are planted for as long as a test takes. */

/** Puts a method in the place of another; what it gives back puts the first one back. */
export function replaced<T extends object, K extends keyof T>(
  type: T,
  name: K,
  make: (original: T[K]) => T[K],
): () => void {
  const original = type[name];
  type[name] = make(original);
  return () => void (type[name] = original);
}
