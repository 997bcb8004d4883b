const executables = ["python", "python-bytecode", "script", "elf", "pe", "macho", "wasm"] as const;

/** What a file can be found to be. Always by its content; "unknown" is what none of the others fits. */
export const FORMATS = [
  "safetensors",
  "onnx",
  "gguf",
  "hdf5",
  "keras",
  "skops",
  "torch",
  "torchscript",
  "npy",
  "npz",
  "pickle",
  "joblib",
  "savedmodel",
  "tflite",
  "xgboost-ubj",
  "xgboost-json",
  "lightgbm",
  "pmml",
  "json",
  "text",
  ...executables,
  "zip",
  "tar",
  "gzip",
  "zlib",
  "zstd",
  "xz",
  "lzma",
  "bzip2",
  "lz4",
  "empty",
  "unknown",
] as const;

export type FormatName = (typeof FORMATS)[number];

/** Loading one of these runs what it says. They go by allowPickle and the trusted types. */
export const PICKLE_FORMATS: readonly FormatName[] = ["pickle", "joblib", "torch"];

/** What a machine or an interpreter runs as it is. */
export const EXECUTABLE_FORMATS: readonly FormatName[] = executables;

/** Only a wrapping: what is in it is listed, and judged, as files of its own. */
export const WRAPPING_FORMATS: readonly FormatName[] = ["zip", "tar", "gzip", "zlib", "zstd"];

const words: Partial<Record<FormatName, string>> = {
  onnx: "an ONNX model",
  gguf: "a GGUF model",
  hdf5: "an HDF5 file (Keras .h5)",
  keras: "a Keras 3 archive",
  skops: "a skops model",
  torch: "a PyTorch archive (pickle inside)",
  torchscript: "a TorchScript archive",
  npy: "a NumPy array",
  npz: "a NumPy archive",
  pickle: "a Python pickle",
  joblib: "a joblib pickle",
  savedmodel: "a TensorFlow SavedModel",
  tflite: "a TensorFlow Lite model",
  "xgboost-ubj": "an XGBoost model (UBJSON)",
  "xgboost-json": "an XGBoost model (JSON)",
  lightgbm: "a LightGBM model",
  pmml: "a PMML document",
  python: "Python source",
  "python-bytecode": "Python bytecode",
  script: "a script",
  elf: "a Linux program or library (ELF)",
  pe: "a Windows program or library (PE)",
  macho: "a macOS program or library, or a Java class",
  wasm: "a WebAssembly module",
  empty: "an empty file",
  unknown: "of no format that is known here",
};

/** For a sentence: "FILE is …". */
export function describeFormat(format: FormatName): string {
  return words[format] ?? `a ${format} file`;
}
