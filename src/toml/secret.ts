/** A text for a message, without what may be a password: the user in a URL, its parameters, and `password = ...`. */
export function withoutSecrets(text: string): string {
  return text
    .replace(/\/\/.*@/s, '//...@')
    .replace(/([?&][^=&\s]*=)[^&\s"]*/g, '$1...')
    .replace(/(\b\w*(?:pass|pwd|secret|token)\w*"?\s*[=:]\s*).*/gis, '$1...');
}
