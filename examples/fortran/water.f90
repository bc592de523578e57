! A water molecule by an exported potential: energy, forces, and ten steps of velocity Verlet.
!
!   water model.pt

! What of hipnn_ts.h this program calls.
module hipnn_ts
  use, intrinsic :: iso_c_binding
  implicit none
  integer(c_int), parameter :: hipnn_ts_ok = 0

  interface
    integer(c_int) function hipnn_ts_model_load(path, model, message, message_size) bind(c)
      import :: c_int, c_char, c_ptr, c_size_t
      character(kind=c_char), intent(in) :: path(*)
      type(c_ptr), intent(out) :: model
      character(kind=c_char), intent(inout) :: message(*)
      integer(c_size_t), value :: message_size
    end function

    integer(c_int) function hipnn_ts_evaluation_create(model, evaluation, message, message_size) bind(c)
      import :: c_int, c_char, c_ptr, c_size_t
      type(c_ptr), value :: model
      type(c_ptr), intent(out) :: evaluation
      character(kind=c_char), intent(inout) :: message(*)
      integer(c_size_t), value :: message_size
    end function

    ! Arguments that may be null are of type(c_ptr): give c_null_ptr or c_loc(array).
    integer(c_int) function hipnn_ts_compute(evaluation, n_atoms, atomic_numbers, positions, cell, pbc, n_threads, &
                                             energy, energies, forces, virial, message, message_size) bind(c)
      import :: c_int, c_char, c_ptr, c_size_t, c_int32_t, c_int64_t, c_double
      type(c_ptr), value :: evaluation
      integer(c_int64_t), value :: n_atoms
      integer(c_int32_t), intent(in) :: atomic_numbers(*)
      real(c_double), intent(in) :: positions(3, *)
      type(c_ptr), value :: cell, pbc
      integer(c_int32_t), value :: n_threads
      real(c_double), intent(out) :: energy
      type(c_ptr), value :: energies
      real(c_double), intent(out) :: forces(3, *)
      type(c_ptr), value :: virial
      character(kind=c_char), intent(inout) :: message(*)
      integer(c_size_t), value :: message_size
    end function

    subroutine hipnn_ts_evaluation_free(evaluation) bind(c)
      import :: c_ptr
      type(c_ptr), value :: evaluation
    end subroutine

    subroutine hipnn_ts_model_free(model) bind(c)
      import :: c_ptr
      type(c_ptr), value :: model
    end subroutine
  end interface
end module

program water
  use hipnn_ts
  implicit none
  integer, parameter :: n_atoms = 3
  integer(c_int32_t), parameter :: numbers(n_atoms) = [8, 1, 1]
  real(c_double), parameter :: masses(n_atoms) = [15.999_c_double, 1.008_c_double, 1.008_c_double] ! u
  real(c_double), parameter :: time_step = 0.5_c_double ! fs
  real(c_double), parameter :: acceleration = 9.648533212e-3_c_double ! Å/fs² in an eV/Å/u
  character(kind=c_char) :: message(1000)
  character(len=1000) :: path
  type(c_ptr) :: model, evaluation
  real(c_double) :: positions(3, n_atoms), velocities(3, n_atoms), forces(3, n_atoms), energy, total
  integer :: i, step

  if (command_argument_count() /= 1) error stop "usage: water model.pt"
  call get_command_argument(1, path)
  call check(hipnn_ts_model_load(trim(path)//c_null_char, model, message, size(message, kind=c_size_t)))
  call check(hipnn_ts_evaluation_create(model, evaluation, message, size(message, kind=c_size_t)))

  positions(:, 1) = [0.0_c_double, 0.0_c_double, 0.119262_c_double]
  positions(:, 2) = [0.0_c_double, 0.763239_c_double, -0.477047_c_double]
  positions(:, 3) = [0.0_c_double, -0.763239_c_double, -0.477047_c_double]
  velocities = 0
  call compute()
  do i = 1, n_atoms
    print '(a, i0, 3f17.10)', "force ", i - 1, forces(:, i)
  end do
  print '(a, f0.10, a, f0.10)', "step 0 potential ", energy, " total ", energy

  do step = 1, 10
    call kick()
    positions = positions + time_step*velocities
    call compute()
    call kick()
    total = energy + sum(0.5*spread(masses, 1, 3)*velocities**2)/acceleration
    print '(a, i0, a, f0.10, a, f0.10)', "step ", step, " potential ", energy, " total ", total
  end do
  call hipnn_ts_evaluation_free(evaluation)
  call hipnn_ts_model_free(model)

contains

  subroutine compute()
    call check(hipnn_ts_compute(evaluation, int(n_atoms, c_int64_t), numbers, positions, c_null_ptr, c_null_ptr, &
                                1_c_int32_t, energy, c_null_ptr, forces, c_null_ptr, message, &
                                size(message, kind=c_size_t)))
  end subroutine

  subroutine kick()
    velocities = velocities + 0.5*time_step*acceleration*forces/spread(masses, 1, 3)
  end subroutine

  ! Ends the program with the library's sentence where a call has failed.
  subroutine check(status)
    integer(c_int), intent(in) :: status
    integer :: k

    if (status == hipnn_ts_ok) return
    write (*, '(a)', advance='no') "water: "
    do k = 1, size(message)
      if (message(k) == c_null_char) exit
      write (*, '(a)', advance='no') message(k)
    end do
    print *
    stop 1
  end subroutine

end program
