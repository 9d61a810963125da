package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The rules below are those that a reader of one file can decide for certain;
// they see calls by name, so our own code gives these names to nothing else.

// source is a parsed file that is neither a test nor generated.
type source struct {
	*ast.File
	fset *token.FileSet
	path string // from the module's root, with slashes
}

// report fails the test at a place in the file.
func (s source) report(t *testing.T, at ast.Node, message string) {
	t.Helper()
	t.Errorf("%s:%d: %s", s.path, s.fset.Position(at.Pos()).Line, message)
}

// selected returns X and Sel of a selector like time.Now or db.Save. X is empty
// unless it is a plain name.
func selected(n ast.Node) (x, sel string, ok bool) {
	s, ok := n.(*ast.SelectorExpr)
	if !ok {
		return "", "", false
	}
	if id, plain := s.X.(*ast.Ident); plain {
		x = id.Name
	}
	return x, s.Sel.Name, true
}

// sources parses the Go files in and below directories of the module; none
// means all of it.
func sources(t *testing.T, dirs ...string) (files []source) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(filepath.ToSlash(path), "../")
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(name, ".git") || d.Name() == "testdata" || name == "bin" || name == "data"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		if top, _, _ := strings.Cut(name, "/"); len(dirs) > 0 && !slices.Contains(dirs, top) {
			return nil
		}
		s := source{fset: token.NewFileSet(), path: name}
		if s.File, err = parser.ParseFile(s.fset, path, nil, parser.ParseComments|parser.SkipObjectResolution); err != nil {
			return err
		}
		if !ast.IsGenerated(s.File) {
			files = append(files, s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// calls lists the methods called along a chain like db.Where(…).Select(…).
func calls(n ast.Expr) (names []string) {
	for {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return names
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return names
		}
		names = append(names, method.Sel.Name)
		n = method.X
	}
}

// sqlMethods are GORM's and database/sql's methods that take SQL text.
var sqlMethods = []string{
	"Raw", "Exec", "Where", "Or", "Not", "Having", "Joins", "Order", "Group",
	"ExecContext", "QueryContext", "QueryRowContext", "Query", "QueryRow",
}

func TestSourceOfModels(t *testing.T) {
	for _, file := range sources(t, "models") {
		ast.Inspect(file.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				checkMethod(t, file, n)
			case *ast.SelectorExpr:
				if x, sel, _ := selected(n); x == "gorm" && (sel == "Model" || sel == "DeletedAt") {
					file.report(t, n, "gorm."+sel+" deletes softly behind every query's back: use a column and a condition")
				}
			case *ast.CallExpr:
				checkCall(t, file, n)
				checkSQL(t, file, n)
			}
			return true
		})
	}
}

func checkMethod(t *testing.T, file source, f *ast.FuncDecl) {
	if f.Recv == nil {
		return
	}
	for _, event := range []string{"Save", "Create", "Update", "Delete", "Find"} {
		if name := f.Name.Name; name == "Before"+event || name == "After"+event {
			file.report(t, f, name+" is a hook of GORM's: say what happens in the verb")
		}
	}
}

func checkCall(t *testing.T, file source, call *ast.CallExpr) {
	_, method, _ := selected(call.Fun)
	switch method {
	case "Save":
		file.report(t, call, "Save inserts when the row is gone and writes every column: use Create or Updates of a map")
	case "AutoMigrate":
		file.report(t, call, "AutoMigrate changes columns unasked: write a migration")
	case "First", "Last", "Take":
		if len(call.Args) > 1 {
			file.report(t, call, method+" runs a string condition as SQL: use Where with a parameter")
		}
	case "Updates":
		if len(call.Args) == 0 || slices.Contains(calls(call), "Select") {
			return
		}
		value := call.Args[len(call.Args)-1]
		if pointed, ok := value.(*ast.UnaryExpr); ok {
			value = pointed.X
		}
		if literal, ok := value.(*ast.CompositeLit); ok {
			if _, isMap := literal.Type.(*ast.MapType); !isMap {
				file.report(t, call, "Updates of a struct skips its zero values: use a map, or name the columns with Select")
			}
		}
	}
}

func checkSQL(t *testing.T, file source, call *ast.CallExpr) {
	if _, method, _ := selected(call.Fun); !slices.Contains(sqlMethods, method) {
		return
	}
	for _, arg := range call.Args {
		if inner, ok := arg.(*ast.CallExpr); ok {
			if x, sel, _ := selected(inner.Fun); x == "fmt" && strings.HasPrefix(sel, "Sprint") {
				file.report(t, arg, "SQL is not printed: values are parameters, names come from a list")
			}
		}
	}
}

// Pages may use types of models, never a store.
func TestSourceOfViews(t *testing.T) {
	for _, file := range sources(t, "views") {
		ast.Inspect(file.File, func(n ast.Node) bool {
			if x, sel, ok := selected(n); ok && x == "models" && slices.Contains([]string{"Store", "Open", "Tx"}, sel) {
				file.report(t, n, "a page gets what it shows from its handler: no models."+sel)
			}
			return true
		})
	}
}

func TestSourceOfEveryPackageSaysWhatItIs(t *testing.T) {
	said := map[string]bool{}
	for _, file := range sources(t) {
		dir := filepath.Dir(file.path)
		said[dir] = said[dir] || file.Doc != nil
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("the package in %s has no comment", dir)
		}
	}
}

// machineClock lists the files that may read the machine's clock, and why. All
// else asks the store, whose clock a test can move.
var machineClock = map[string]string{
	"models/store.go":                    "the store's own clock",
	"models/modelstest/postgres.go":      "waits for a process",
	"models/modelstest/modelstest.go":    "the clock that tests move",
	"handlers/oidc/oidctest/glewlwyd.go": "waits for a process",
	"handlers/middleware.go":             "how long a request took",
}

func TestSourceAsksTheStoreForTheTime(t *testing.T) {
	for _, file := range sources(t, "models", "handlers", "views", "static") {
		if _, allowed := machineClock[file.path]; allowed {
			continue
		}
		ast.Inspect(file.File, func(n ast.Node) bool {
			if x, sel, ok := selected(n); ok && x == "time" && slices.Contains([]string{"Now", "Since", "Until"}, sel) {
				file.report(t, n, "time."+sel+" is the machine's clock: ask the store, or take the time as an argument")
			}
			return true
		})
	}
}
