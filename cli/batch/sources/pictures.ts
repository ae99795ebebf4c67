/** Names of files that are taken for pictures. */
export const PICTURES = /\.(jpe?g|png|webp|avif|gif|tiff?|heic|heif)$/i;

/** And of pictures that are not read: of cameras' own formats only a thumbnail would be found. */
export const OTHER_PICTURES =
  /\.(bmp|dib|ico|svgz?|psd|jxl|jp2|j2k|jpx|jpf|tga|ppm|pgm|pbm|pnm|exr|hdr|pdf|raw|dng|cr2|cr3|nef|nrw|arw|sr2|orf|rw2|raf|pef|srw)$/i;
