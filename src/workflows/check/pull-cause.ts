/** Beginnings of the kubelet's and the runtimes' messages that only say that an image was not pulled. */
const PREFIXES: readonly RegExp[] = [
  /^Back-off pulling image "[^"]*"(?:: |$)/,
  /^ErrImagePull: /,
  /^rpc error: code = \w+ desc = /,
  /^failed to pull and unpack image "[^"]*": /,
  /^failed to pull image "[^"]*": /,
  /^failed to resolve reference "[^"]*": /,
  /^failed to resolve image: /,
  /^failed to do request: (?:Head|Get) "[^"]*": /,
  /^unable to pull image or OCI artifact: /,
  /^pull image err: /,
  /^reading manifest \S+ in \S+: /,
  /^initializing source docker:\/\/[^\s]+: /,
];

/**
 * Returns why an image was not pulled, from the kubelet's message: without its prefixes and without the name of the image,
 * so that one cause of many images has one text. The message of a back-off quotes that of the attempt before it.
 */
export function pullCause(message: string, image: string): string {
  let cause = message;
  for (let isShorter = true; isShorter; ) {
    const before = cause;
    for (const prefix of PREFIXES) cause = cause.replace(prefix, '');
    isShorter = cause.length < before.length;
  }
  // containerd adds the tag or digest that it asked for.
  const general = cause.replaceAll(`${image}: `, '').replaceAll(image, 'the image');
  return general.replace(/ \[(?:manifests|blobs) [^\s\]]*\]/, '').trim();
}
