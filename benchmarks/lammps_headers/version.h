// Of the LAMMPS that this project pins.
#define LAMMPS_VERSION "22 Jul 2025"
