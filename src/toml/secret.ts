/** Stands for a secret in what smmap prints. */
export const HIDDEN = '...';

/** Whether a header field or a parameter of a URL with this name holds a secret. */
export function isSecretName(name: string): boolean {
  return /auth|cookie|token|key|secret|pass|pwd|signature/i.test(name);
}

/** A text for a message, without what may be a password: the user in a URL, its parameters, and `password = ...`. */
export function withoutSecrets(text: string): string {
  return text
    .replace(/\/\/.*@/s, '//...@')
    .replace(/([?&][^=&\s]*=)[^&\s"]*/g, '$1...')
    .replace(/\b(Bearer|Basic) +[^\s"]+/gi, '$1 ...')
    .replace(/(\b\w*(?:pass|pwd|secret|token)\w*"?\s*[=:]\s*).*/gis, '$1...');
}
