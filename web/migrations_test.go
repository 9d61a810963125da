package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// goMigrations are the numbers that no file has, since Go code in
// models/migrate.go makes the change on both databases.
var goMigrations = map[int]string{
	2: "River's tables",
}

var migrationName = regexp.MustCompile(`^(\d{5})_([a-z0-9_]+)\.sql$`)

// migrationFiles returns the names of a dialect's migrations by number.
func migrationFiles(t *testing.T, dialect string) map[int]string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join("../models/migrations", dialect))
	if err != nil {
		t.Fatal(err)
	}
	files := map[int]string{}
	for _, entry := range entries {
		m := migrationName.FindStringSubmatch(entry.Name())
		if m == nil {
			t.Errorf("%s: %s is not named like 00001_noun.sql", dialect, entry.Name())
			continue
		}
		number, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := files[number]; taken {
			t.Errorf("%s: number %d is taken twice, by %s and %s", dialect, number, other, m[2])
		}
		if what, taken := goMigrations[number]; taken {
			t.Errorf("%s: %s has the number of the Go migration for %s", dialect, entry.Name(), what)
		}
		files[number] = m[2]
	}
	return files
}

func TestMigrationsAreNumbered(t *testing.T) {
	postgres, sqlite := migrationFiles(t, "postgres"), migrationFiles(t, "sqlite")
	for number, name := range postgres {
		if sqlite[number] != name {
			t.Errorf("migration %d is %q on PostgreSQL and %q on SQLite", number, name, sqlite[number])
		}
	}
	for number, name := range sqlite {
		if postgres[number] == "" {
			t.Errorf("migration %d, %q, is missing on PostgreSQL", number, name)
		}
	}
	for number := 1; number <= len(postgres)+len(goMigrations); number++ {
		if postgres[number] == "" && goMigrations[number] == "" {
			t.Errorf("there is no migration %d", number)
		}
	}
}
