export function selfTest(_: unknown): void {}
