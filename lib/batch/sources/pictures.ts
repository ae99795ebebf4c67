/** Names of files that are taken for pictures. */
export const PICTURES = /\.(jpe?g|png|webp|avif|gif|tiff?|heic|heif)$/i;
