/**
 * What a pickle may name without anybody's trust, each with why. The measure: called with whatever arguments a pickle
 * can make, it gives data and does nothing else. (A large number can still ask for much memory.)
 */
const names: readonly string[] = [
  // Containers and numbers: they hold what they are given.
  ...["list", "tuple", "dict", "set", "frozenset", "bytearray", "bytes", "complex", "range", "slice", "object"].map(
    (name) => `builtins.${name}`,
  ),
  ...["int", "float", "bool", "str"].map((name) => `builtins.${name}`),
  // The same in Python 2, which Python 3 maps to the above when the protocol is below 3.
  ...["list", "tuple", "dict", "set", "frozenset", "bytearray", "complex", "xrange", "slice", "object"].map(
    (name) => `__builtin__.${name}`,
  ),
  ...["int", "long", "float", "bool", "str", "unicode"].map((name) => `__builtin__.${name}`),
  // Containers of the standard library. A defaultdict calls its factory, which is a name in the pickle, too.
  "collections.OrderedDict",
  "collections.defaultdict",
  "collections.deque",
  "collections.Counter",
  // Makes an object of a class without calling its __init__, unless the class has a base other than object with one. Class
  // and base are names in the pickle.
  "copyreg._reconstructor",
  "copy_reg._reconstructor",
  // How protocols below 3 write bytes. Only latin1, see the walker: a codec's name makes Python import a module.
  "_codecs.encode",
  // Arrays: the array, its type, one number, and the functions that put them together from bytes. numpy refuses to make
  // arrays of objects from bytes; the state of a dtype, by which one could lie about that, is checked by the walker.
  "numpy.ndarray",
  "numpy.dtype",
  // Numbers and texts of NumPy's own kinds.
  ..."bool bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 longdouble complex64 complex128"
    .split(" ")
    .map((name) => `numpy.${name}`),
  ...["str_", "bytes_", "datetime64", "timedelta64"].map((name) => `numpy.${name}`),
  ...["numpy.core", "numpy._core"].flatMap((core) => [
    `${core}.multiarray._reconstruct`,
    `${core}.multiarray.scalar`,
    `${core}.numeric._frombuffer`,
  ]),
  // joblib's stand-in for an array. The walker follows it to the array's bytes.
  "joblib.numpy_pickle.NumpyArrayWrapper",
];

const dataOnly: ReadonlySet<string> = new Set(names);

export function isDataOnly(type: string): boolean {
  return dataOnly.has(type);
}
