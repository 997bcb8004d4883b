// Empty: with an assembly file in the package, Go lets a function have its body elsewhere.
